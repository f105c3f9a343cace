// The story of tests/it/clients.rs, told with the generated TypeScript SDK (fetch).

import { BulkApi, Configuration, GroupsApi, InvitationsApi, InvitationStatusEnum, ResponseError, UsersApi } from "./sdk";

// What is used of Node, whose types would be a package of their own.
declare const process: { env: Record<string, string | undefined>; exitCode: number };

function org(name: string): Configuration {
  return new Configuration({ basePath: process.env[`${name}_URL`], accessToken: process.env[`${name}_TOKEN`] });
}

function check(found: unknown, expected: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    throw new Error(`found ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`);
  }
}

async function story(): Promise<void> {
  const [parent, child] = [org("PARENT"), org("CHILD")];
  const [users, groups, invitations] = [new UsersApi(parent), new GroupsApi(child), new InvitationsApi(child)];

  // A user with an extension; the second of the same name is a conflict that says why.
  const user = {
    userName: "typescript",
    name: { familyName: "Lovelace" },
    emails: [{ value: "typescript@acme.test", type: "work", primary: true }],
    urnIetfParamsScimSchemasExtensionEnterprise20User: { department: "Engines" },
  };
  const { id = "" } = await users.createUser({ user });
  const refused = await users.createUser({ user }).then(() => undefined, (error: unknown) => error);
  if (!(refused instanceof ResponseError)) throw new Error(`a second user of the name: ${refused}`);
  check(refused.response.status, 409);
  check((await refused.response.json()).scimType, "uniqueness");

  // A projection leaves out what the schema requires.
  const projected = await users.getUser({ id, attributes: "name.familyName" });
  check([projected.userName, projected.name?.familyName], [undefined, "Lovelace"]);
  const whole = await users.getUser({ id });
  check(whole.urnIetfParamsScimSchemasExtensionEnterprise20User?.department, "Engines");
  check(whole.meta?.created instanceof Date, true);

  // A group whose name a PATCH changes.
  const created = await groups.createGroup({ group: { displayName: "Pilots" } });
  const patchOp = { operations: [{ op: "replace" as const, path: "displayName", value: "TypeScript pilots" }] };
  await groups.patchGroup({ id: created.id ?? "", patchOp });
  const group = await groups.getGroup({ id: created.id ?? "", excludedAttributes: "members" });
  check(group.displayName, "TypeScript pilots");

  // A user and a group with this user in one request, and the pages of a list.
  const crew = { displayName: "TypeScript crew", members: [{ value: "bulkId:u" }] };
  const operations = [
    { method: "POST" as const, path: "/Users", bulkId: "u", data: { userName: "typescript-bulk" } },
    { method: "POST" as const, path: "/Groups", bulkId: "g", data: crew },
  ];
  const made = await new BulkApi(parent).bulk({ bulkRequest: { operations } });
  check(made.operations.map((result) => result.status), ["201", "201"]);
  const names: (string | undefined)[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const filter = 'userName sw "typescript"';
    const page = await users.listUsers({ filter, count: 1, cursor, attributes: "userName" });
    names.push(...(page.resources ?? []).map((user) => user.userName));
    cursor = page.nextCursor;
  }
  check(names.sort(), ["typescript", "typescript-bulk"]);

  // One who exists in the parent and one who does not.
  const inviteRequest = { userNames: ["typescript", "nobody"], groups: [{ value: group.id ?? "" }] };
  const invited = await invitations.invite({ inviteRequest });
  check([invited.invited, invited.failed, invited.results[1]?.error?.code], [1, 1, "userNotInParent"]);

  const listed = await invitations.listInvitations({ filter: 'userName eq "typescript"', count: 10 });
  check([listed.totalResults, listed.resources?.[0]?.status], [1, InvitationStatusEnum.Pending]);
}

story().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
