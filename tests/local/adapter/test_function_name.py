import pytest

from local.account import PRIMARY, SECONDARY, Account, deploy
from local.adapter.templates import function


@pytest.mark.parametrize("region", [PRIMARY, SECONDARY])
@pytest.mark.parametrize("name", ["url", "url-shortener-dev-primary", "urls", "tap-url"])
def test_a_function_can_have_url_in_its_name(account: Account, name: str, region: str) -> None:
    assert deploy(account, "service", function(name), region=region).status == "CREATE_COMPLETE"
    client = account.functions(region)
    assert client.get_function(FunctionName=name)["Configuration"]["FunctionName"] == name
    assert client.get_function_configuration(FunctionName=name)["FunctionName"] == name
    made = client.create_function_url_config(FunctionName=name, AuthType="NONE")
    assert client.get_function_url_config(FunctionName=name)["FunctionUrl"] == made["FunctionUrl"]
    assert len(client.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"]) == 1
    client.delete_function(FunctionName=name)
    assert client.list_functions()["Functions"] == []
