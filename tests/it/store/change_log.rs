//! The log of changes: nothing is written without its event, whatever statement or cascade wrote it.

use super::*;

impl World {
    /// The events of `org` but for its own birth: actor, resource type, number of the id, versions before and after.
    fn events(&self, org: OrgId) -> Vec<String> {
        let db = self.sql();
        let mut statement = db
            .prepare(
                "select actor, resource_type, resource_id, version_before, version_after from change_log
                 where org_id = ?1 and resource_type <> 'Organization' order by seq",
            )
            .expect("a statement");
        let rows = statement.query_map([org.0], |row| {
            let (actor, kind, id): (String, String, uuid::Uuid) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let version = |at| row.get::<_, Option<i64>>(at).map(|v| v.map_or("-".into(), |v| v.to_string()));
            Ok(format!("{actor}: {kind} {} {}>{}", id.as_u128(), version(3)?, version(4)?))
        });
        rows.expect("rows").collect::<Result<_, _>>().expect("events")
    }
}

#[tokio::test]
async fn every_write_is_logged_once_and_what_changed_nothing_is_not() {
    let world = World::new().await;
    world.user(world.root, 1, "ada").await;
    world.group(world.root, 9, "Staff", &[]).await;
    world.members(world.root, 9, MemberChange::Added(vec![id(1)])).await.expect("a member");
    world.members(world.root, 9, MemberChange::Added(vec![id(1)])).await.expect("V-05: nothing to do");
    world.replace(world.root, 1, 1, json!({ "userName": "ada" })).await.expect("V-05: the same");
    world.replace(world.root, 1, 1, json!({ "userName": "Ada" })).await.expect("another");
    assert!(world.replace(world.root, 1, 1, json!({ "userName": "eve" })).await.is_err(), "stale");
    let both = directory::Change::UserReplaced {
        org: world.root,
        id: user_id(1),
        expected: 2,
        doc: document(urn::USER, 1, json!({ "userName": "Ada", "title": "Countess" })),
        password_hash: Some("hash".into()),
        at: NOW,
    };
    world.write(both).await.expect("a password and a title are one change");
    let deleted = directory::Change::UserDeleted { org: world.root, id: user_id(1), expected: None, at: NOW };
    world.write(deleted).await.expect("gone");
    let erased = directory::Change::Erased { org: world.root, id: id(1) };
    world.write(erased).await.expect("nobody brings it back");
    let events = [
        "operator: User 1 ->1",
        "operator: Group 9 ->1",
        "operator: Group 9 1>2",
        "operator: User 1 1>2",
        "operator: User 1 2>3",
        "operator: Group 9 2>3",
        "operator: User 1 3>-",
        "operator: Tombstone 1 3>-",
    ];
    assert_eq!(world.events(world.root), events);
}

#[tokio::test]
async fn what_follows_in_another_org_is_logged_there() {
    let world = World::new().await;
    let ada = world.user(world.parent, 1, "ada").await;
    world.guest(world.child, world.parent, ada, 5).await;
    world.replace(world.parent, 1, 1, json!({ "userName": "ada", "title": "Countess" })).await.expect("replaced");
    let deleted = directory::Change::UserDeleted { org: world.parent, id: ada, expected: None, at: NOW };
    world.write(deleted).await.expect("gone");
    let events = [
        "operator: Invitation 4101 ->1",
        "operator: User 5 ->1",
        "operator: Invitation 4101 1>2",
        "operator: User 5 1>2",
        "operator: Invitation 4101 2>-",
        "operator: User 5 2>-",
    ];
    let mut found = world.events(world.child);
    // The cascade of one statement has no order of its own.
    found[4..].sort();
    assert_eq!(found, events);
    assert_eq!(world.events(world.sibling), [""; 0], "tenants never meet");
}

#[tokio::test]
async fn a_statement_besides_the_program_is_nobodys() {
    let world = World::new().await;
    world.user(world.root, 1, "ada").await;
    world.sql().execute("delete from users", []).expect("deleted");
    assert_eq!(world.events(world.root), ["operator: User 1 ->1", "sql: User 1 1>-"]);
}

/// Credentials: one event each, however a token ends; a last use is none.
#[tokio::test]
async fn every_change_of_a_credential_is_logged_once() {
    use usher::auth::{Bearer, Change, Client, Proof, ProvisioningToken};
    let world = World::new().await;
    let user = world.user(world.root, 1, "ada").await;
    let org = world.root;
    let proof = Proof::Secret { hash: [7; 32], before: None };
    let client = Client { id: id(2).into(), org, name: None, scope: String::new(), proof, created: NOW, last_used: None };
    let token = |number: u128, bearer| ProvisioningToken {
        id: id(number).into(),
        org,
        name: None,
        bearer,
        scope: String::new(),
        created: NOW,
        expires_at: Timestamp(NOW.0 + 9),
        last_used: None,
        replaced_by: None,
    };
    let machine = Bearer::Machine(id(9).into());
    let guest = Client { org: world.parent, proof: Proof::Elsewhere, ..client.clone() };
    for change in [
        Change::ClientCreated(client.clone()),
        Change::SecretRotated { org, client: client.id, hash: [8; 32], until: NOW },
        Change::ClientAdmitted { client: guest, parent: org },
        Change::TokenCreated(token(3, machine), None),
        Change::TokenCreated(token(4, machine), Some((id(3).into(), NOW))),
        Change::TokenCreated(token(5, Bearer::Person(user)), None),
        Change::Used(vec![(org, id(2), NOW), (org, id(4), NOW)]),
        Change::TokenRevoked { org, token: id(4).into(), expires_at: NOW },
        Change::TokenRevoked { org, token: id(4).into(), expires_at: NOW },
        Change::TokenRevoked { org, token: id(6).into(), expires_at: NOW },
        Change::SubjectRevoked { org, subject: id(1), at: NOW },
        Change::SubjectRevoked { org, subject: id(1), at: NOW },
        Change::TokenCreated(token(8, machine), None),
        Change::ClientDeleted { org, client: client.id },
        Change::TokensExpired { before: Timestamp(NOW.0 + 10) },
    ] {
        world.write(change).await.expect("written");
    }
    // Whoever rotates what was revoked meanwhile has not brought it back.
    let late = world.write(Change::TokenCreated(token(7, machine), Some((id(4).into(), NOW)))).await;
    assert!(matches!(late, Err(Error::Stale)), "{late:?}");
    assert_eq!(
        world.events(org),
        [
            "operator: User 1 ->1",
            "operator: Client 2 ->1",
            "operator: Client 2 1>2",
            "operator: Token 3 ->1",
            "operator: Token 4 ->1",
            "operator: Token 5 ->1",
            "operator: Token 4 ->-",
            "operator: Token 6 ->-",
            // The person's.
            "operator: Token 5 ->-",
            "operator: Revocation 1 ->-",
            "operator: Revocation 1 ->-",
            "operator: Token 8 ->1",
            "operator: Client 2 2>-",
            // It was cleared away by a clock that had not reached its end.
            "operator: Token 8 ->-",
        ]
    );
    assert_eq!(world.events(world.parent), ["operator: Client 2 ->1", "operator: Client 2 1>-"], "with the parent's");
}
