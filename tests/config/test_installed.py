from builder.components.available import data_folder


def test_a_packages_data_is_found_where_it_is_installed() -> None:
    folder = data_folder("botocore")

    assert folder is not None
    assert (folder / "partitions.json").is_file()


def test_a_package_that_is_not_installed_has_none() -> None:
    assert data_folder("no_such_package") is None
