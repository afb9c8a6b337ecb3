import io
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.errors import Failed
from builder.state import find_differences
from builder.state import settings as module
from builder.state.settings import _fetch, read_archive
from builder.terms import Region
from state.rig import EAST, WEST, StateRig

SECRET = "X-Amz-Signature=abcdef"
OLD, NEW = (1980, 1, 1, 0, 0, 0), (2026, 11, 28, 12, 0, 0)


def archive(
    files: Mapping[str, bytes],
    when: tuple[int, int, int, int, int, int] = OLD,
    *,
    mode: int = 0o100644,
    method: int = zipfile.ZIP_DEFLATED,
    comment: bytes = b"",
) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, when)
            entry.external_attr, entry.compress_type, entry.create_system = mode << 16, method, 3
            opened.writestr(entry, data)
        opened.comment = comment
    return made.getvalue()


def digest(data: bytes) -> str:
    return read_archive(io.BytesIO(data), "here").digest


FILES = {"index.py": b"def handler(event, context): ...", "lib/util.py": b"x = 1\n"}
names = st.text("abc/._-\u00e4", min_size=1, max_size=12).filter(lambda name: not name.endswith("/"))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(files=st.dictionaries(names, st.binary(max_size=40), max_size=5), order=st.randoms())
def test_when_how_and_in_which_order_it_was_packed_makes_no_difference(files: dict[str, bytes], order: object) -> None:
    shuffled = list(files.items())
    order.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    other = archive(dict(shuffled), NEW, method=zipfile.ZIP_STORED, comment=b"of today")
    assert digest(archive(files)) == digest(other)


@pytest.mark.parametrize(
    "other",
    [
        archive({**FILES, "index.py": b"def handler(event, context): pass"}),
        archive({"main.py": FILES["index.py"], "lib/util.py": FILES["lib/util.py"]}),
        archive({**FILES, "more.py": b""}),
        archive({"index.py": FILES["index.py"]}),
        archive(FILES, mode=0o100755),
        archive({}),
    ],
)
def test_a_name_a_mode_and_a_byte_does(other: bytes) -> None:
    assert digest(other) != digest(archive(FILES))


def test_a_folder_of_its_own_is_nothing_that_runs() -> None:
    assert digest(archive({"lib/": b"", **FILES})) == digest(archive(FILES))


@pytest.mark.parametrize("data", [b"", b"no archive", archive(FILES)[:-30], archive(FILES)[40:]])
def test_what_is_no_archive_is_told_as_that(data: bytes) -> None:
    with pytest.raises(Failed, match="here: its code was not looked into: it is no archive that can be read"):
        digest(data)


def test_a_byte_that_was_damaged_is_told_too() -> None:
    broken = bytearray(archive({"index.py": b"a" * 400}, method=zipfile.ZIP_STORED))
    broken[60] ^= 1
    with pytest.raises(Failed, match="no archive that can be read"):
        digest(bytes(broken))


def test_what_unpacks_to_more_than_lambda_takes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1_000_000)
    bomb = archive({"zeros": b"\0" * 1_000_001})
    assert len(bomb) < 2_000
    with pytest.raises(Failed, match="more than 1,000,000 bytes, unpacked"):
        digest(bomb)
    assert digest(archive({"zeros": b"\0" * 1_000_000}))


def test_so_is_what_has_too_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FILES", 1)
    with pytest.raises(Failed, match="more than 1 files"):
        digest(archive(FILES))


@contextmanager
def served(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/code?{SECRET}"
        server.shutdown()


def body(data: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.close()


def test_the_archive_is_fetched_and_read() -> None:
    with served(body(archive(FILES))) as location:
        assert _fetch("here", location).digest == digest(archive(FILES))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (body(b"", 403), "HTTP 403"),
        (body(b"", 302, Location=f"http://127.0.0.1:1/?{SECRET}"), "HTTP 302|MaxRetryError"),
        (body(b"<html>sign in</html>"), "no archive"),
        (body(b"", 500), "HTTP 500"),
        (hang_up, "ProtocolError|MaxRetryError"),
    ],
)
def test_what_cannot_be_fetched_is_told_without_its_address(
    answer: Callable[[BaseHTTPRequestHandler], None], message: str
) -> None:
    with served(answer) as location, pytest.raises(Failed, match=message) as caught:
        _fetch("here", location)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None or SECRET not in str(caught.value.__cause__)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    "location", ["", f"no address {SECRET}", f"ftp://there/?{SECRET}", f"http://127.0.0.1:1/?{SECRET}"]
)
def test_an_address_that_is_none_is_told_without_it(location: str) -> None:
    with pytest.raises(Failed, match="here: its code was not looked into") as caught:
        _fetch("here", location)
    assert SECRET not in str(caught.value)


def test_an_archive_larger_than_lambda_takes_is_given_up_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    with served(body(archive(FILES))) as location, pytest.raises(Failed, match="more than 100 bytes"):
        _fetch("here", location)


def name_in(deployed: StateRig, region: Region) -> str:
    (function,) = deployed.clients.functions(region).list_functions()["Functions"]
    return function["FunctionName"]


def put_code(deployed: StateRig, region: Region, data: bytes) -> None:
    deployed.clients.functions(region).update_function_code(FunctionName=name_in(deployed, region), ZipFile=data)


def own_code(deployed: StateRig) -> dict[str, bytes]:
    function = deployed.clients.functions(WEST).get_function(FunctionName=name_in(deployed, WEST))
    answer = urllib3.request("GET", function["Code"]["Location"])
    with zipfile.ZipFile(io.BytesIO(answer.data)) as opened:
        return {entry.filename: opened.read(entry) for entry in opened.infolist()}


def test_the_same_code_packed_at_another_time_is_no_difference(deployed: StateRig) -> None:
    own = own_code(deployed)
    put_code(deployed, EAST, archive(own, OLD))
    put_code(deployed, WEST, archive(own, NEW, comment=b"later"))
    differences = deployed.run(find_differences(deployed.deployment, deployed.clients))
    assert [disparity for disparity in differences.disparities if disparity.setting.startswith("code")] == []
    assert differences.silent == ()
    assert ("lambda", "GetFunction") in deployed.called


def test_another_file_is_and_is_named(deployed: StateRig) -> None:
    own = own_code(deployed)
    put_code(deployed, EAST, archive(own))
    put_code(deployed, WEST, archive({**own, "index.py": b"# by hand\n", "more.py": b""}))
    differences = deployed.run(find_differences(deployed.deployment, deployed.clients))
    values_of = {
        disparity.setting: disparity.values
        for disparity in differences.disparities
        if disparity.setting.startswith("code")
    }
    assert list(values_of) == ["code", "code: index.py", "code: more.py"]
    assert values_of["code: more.py"][EAST] == "(none)"
    assert values_of["code"][WEST].startswith("2 files, ")


def test_what_cannot_be_looked_into_is_told_and_compared_with_nothing(
    deployed: StateRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_code(deployed, WEST, archive({"index.py": b"# by hand\n" * 20}, method=zipfile.ZIP_STORED))
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    differences = deployed.run(find_differences(deployed.deployment, deployed.clients))
    assert [disparity for disparity in differences.disparities if disparity.setting.startswith("code")] == []
    assert len(differences.silent) == 2
    assert all("its code was not looked into: it has more than 100 bytes" in line for line in differences.silent)
    assert not any("Signature" in line for line in differences.silent)
