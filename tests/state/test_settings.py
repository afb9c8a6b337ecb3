from builder.deploy.observe.stacks import SiteView, of_deployment
from builder.state.observe import PartialAnswers
from builder.state.records import Settings
from builder.state.settings import observe_settings
from state.rig import EAST, WEST, StateRig


def read(deployed: StateRig) -> dict[tuple[str, str], Settings]:
    async def all_of_it() -> tuple[Settings, ...]:
        part = PartialAnswers()
        listed = [await SiteView(deployed.clients, site).every_stack() for site in deployed.deployment.sites]
        stacks = of_deployment(tuple(stack for stacks in listed for stack in stacks), deployed.deployment.name)
        return await observe_settings(deployed.deployment, deployed.deployment.sites, stacks, deployed.clients, part)

    return {(settings.thing, settings.region): settings for settings in deployed.run(all_of_it())}


def test_what_should_be_equal_is_read_in_both_regions(deployed: StateRig) -> None:
    things = read(deployed)
    assert (
        things.keys()
        == {
            ("tap-dev-service", EAST): 0,
            ("tap-dev-service", WEST): 0,
            ("tap-dev-service/Function", EAST): 0,
            ("tap-dev-service/Function", WEST): 0,
            ("tap-dev-storage/Bucket", EAST): 0,
            ("tap-dev-storage/Bucket", WEST): 0,
            ("tap-dev-global", EAST): 0,
            ("tap-dev-global", WEST): 0,
            ("quota of Lambda", EAST): 0,
            ("quota of Lambda", WEST): 0,
        }.keys()
    )
    function = things["tap-dev-service/Function", EAST]
    assert function.values["memory"] == "256 MB"
    assert function.values["URL auth"] == "NONE"
    assert function.values["environment ROLE"] == function.own_words["Role"] == "primary"
    bucket = things["tap-dev-storage/Bucket", WEST].values
    assert "AES256" in bucket["encryption"]
    assert "BlockPublicAcls" in bucket["public access"]
    assert "BucketOwnerEnforced" in bucket["ownership"]
    assert "NoncurrentDays" in bucket["lifecycle"]


def test_a_setting_that_a_bucket_lacks_is_empty(deployed: StateRig) -> None:
    deployed.clients.s3(WEST).delete_bucket_lifecycle(Bucket=deployed.bucket(WEST))
    assert read(deployed)["tap-dev-storage/Bucket", WEST].values["lifecycle"] == ""


def test_a_tag_of_people_is_compared_and_one_of_the_stack_s_is_not(deployed: StateRig) -> None:
    client = deployed.clients.dynamodb(WEST)
    arn = client.describe_table(TableName="tap-dev-global")["Table"]["TableArn"]
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "a"}, {"Key": "builder:stack", "Value": "x"}])
    things = read(deployed)
    assert things["tap-dev-global", WEST].values["tags"] == '{"environment": "dev", "project": "tap", "team": "a"}'
    assert things["tap-dev-global", EAST].values["tags"] == '{"environment": "dev", "project": "tap"}'
