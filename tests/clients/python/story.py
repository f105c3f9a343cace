"""The story of tests/it/clients.rs, told with the generated Python SDK."""

import os

from usher_sdk import ApiClient, BulkApi, Configuration, GroupsApi, InvitationsApi, UsersApi
from usher_sdk.exceptions import ConflictException
from usher_sdk.models import (
    BulkOperation,
    BulkRequest,
    EnterpriseUser,
    Group,
    InviteGroup,
    InviteRequest,
    PatchOp,
    PatchOperation,
    User,
    UserEmail,
    UserName,
)


def org(name):
    return ApiClient(Configuration(host=os.environ[f"{name}_URL"], access_token=os.environ[f"{name}_TOKEN"]))


parent, child = org("PARENT"), org("CHILD")
users, groups, invitations = UsersApi(parent), GroupsApi(child), InvitationsApi(child)

# A user with an extension; the second of the same name is a conflict that says why.
wanted = User(
    user_name="python",
    name=UserName(family_name="Lovelace"),
    emails=[UserEmail(value="python@acme.test", type="work", primary=True)],
    urn_ietf_params_scim_schemas_extension_enterprise_2_0_user=EnterpriseUser(department="Engines"),
)
user = users.create_user(wanted)
try:
    users.create_user(wanted)
    raise AssertionError("a second user of the name")
except ConflictException as refused:
    assert refused.data.scim_type == "uniqueness", refused.data

# A projection leaves out what the schema requires.
projected = users.get_user(user.id, attributes="name.familyName")
assert projected.user_name is None and projected.name.family_name == "Lovelace", projected
whole = users.get_user(user.id)
assert whole.urn_ietf_params_scim_schemas_extension_enterprise_2_0_user.department == "Engines", whole
assert whole.meta.created.tzinfo is not None, whole.meta

# A group whose name a PATCH changes.
group = groups.create_group(Group(display_name="Pilots"))
renamed = PatchOperation(op="replace", path="displayName", value="Python pilots")
groups.patch_group(group.id, PatchOp(operations=[renamed]))
group = groups.get_group(group.id, excluded_attributes="members")
assert group.display_name == "Python pilots", group

# A user and a group with this user in one request, and the pages of a list.
user = BulkOperation(method="POST", path="/Users", bulk_id="u", data={"userName": "python-bulk"})
group_of = BulkOperation(
    method="POST", path="/Groups", bulk_id="g", data={"displayName": "Python crew", "members": [{"value": "bulkId:u"}]}
)
made = BulkApi(parent).bulk(BulkRequest(operations=[user, group_of]))
assert [result.status for result in made.operations] == ["201", "201"], made
names, cursor = [], ""
while cursor is not None:
    page = users.list_users(filter='userName sw "python"', count=1, cursor=cursor, attributes="userName")
    names, cursor = names + [user.user_name for user in page.resources], page.next_cursor
assert sorted(names) == ["python", "python-bulk"], names

# One who exists in the parent and one who does not.
invited = invitations.invite(InviteRequest(user_names=["python", "nobody"], groups=[InviteGroup(value=group.id)]))
assert (invited.invited, invited.failed) == (1, 1), invited
assert invited.results[1].error.code == "userNotInParent", invited

listed = invitations.list_invitations(filter='userName eq "python"', count=10)
assert listed.total_results == 1 and listed.resources[0].status == "pending", listed
