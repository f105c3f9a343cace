//! Tokens that came from others.

use super::*;

/// SEC S-27, S-28: whatever ends the token that another came from, ends that one, too, all the way down.
#[tokio::test]
async fn what_was_exchanged_ends_with_what_it_came_from() {
    let house = house().await;
    let clients = scopes("clients:write users:read users:write groups:read");
    for end in 0..7 {
        let (id, secret) = house.app.client_create(house.acme, clients).await.expect("a client");
        let client = by_secret(&id.to_string(), &secret);
        let admit = async |scope: &str| {
            let parent = house.acme;
            let guest = crate::auth::Client {
                id,
                org: house.partners,
                name: None,
                scope: scope.into(),
                proof: crate::auth::Proof::Elsewhere,
                created: house.clock.now(),
                last_used: None,
            };
            let change = crate::auth::Change::ClientAdmitted { client: guest, parent };
            house.app.store.commit(house.app.author(Actor::Operator), vec![change.into()]).await.expect("admitted");
        };
        admit("users:read groups:read groups:write").await;
        let first = house.app.token_issue(&client, Some("clients:write users:read"), None).await.expect("a token");
        house.clock.advance(Duration::from_secs(600));
        let exchange = async |token: &Issued, to: OrgId, scope| {
            house.app.token_exchange(&client, token.access_token.expose(), Some((to, None)), scope, None).await
        };
        let below = exchange(&first, house.partners, None).await.expect("a token below");
        assert_eq!((below.scopes, below.lifetime), (scopes("users:read"), Duration::from_secs(3000)), "no more, no longer");
        let again = exchange(&below, house.partners, Some("users:read users:write")).await.expect("in the same org");
        assert_eq!(again.scopes, scopes("users:read"));
        for one in [&below, &again] {
            assert_eq!(house.verify(one, house.partners).await.expect("believed").subject, Subject::Client(id));
        }
        assert!(exchange(&below, house.acme, None).await.is_err(), "down only");
        match end {
            0 => house.end(Revoked::Token(first.token)).await.expect("revoked"),
            1 => house.end(Revoked::Subject(id.0)).await.expect("revoked"),
            2 => house.end(Revoked::All).await.expect("revoked"),
            3 => house.app.token_end(&client, first.access_token.expose(), None).await.expect("RFC 7009"),
            4 => {
                let change = crate::auth::Change::ClientDeleted { org: house.acme, client: id };
                house.app.store.commit(house.app.author(Actor::Operator), vec![change.into()]).await.map(drop).expect("gone");
            }
            5 => {
                let change = crate::auth::Change::ClientDeleted { org: house.partners, client: id };
                house.app.store.commit(house.app.author(Actor::Operator), vec![change.into()]).await.map(drop).expect("out");
            }
            _ => {
                house.clock.advance(Duration::from_millis(1));
                admit("users:read").await;
            }
        }
        for one in [&below, &again] {
            assert_eq!(refusal(house.verify(one, house.partners).await), Some(Refusal::Dead), "{end}");
        }
        house.clock.advance(Duration::from_millis(1));
    }
}

/// SEC S-29, S-30: whom an org did not admit learns nothing of it, and another's token is of no use.
#[tokio::test]
async fn nobody_exchanges_anothers_token_nor_enters_where_nobody_let_them_in() {
    let house = house().await;
    house.user(house.acme, "ada").await;
    let other = house.app.org_create(None, "globex", None).await.expect("another root").id;
    let below = house.app.org_create(Some(house.partners), "east", None).await.expect("a grandchild").id;
    let (id, secret) = house.app.client_create(house.acme, ScopeSet::ALL).await.expect("a client");
    let client = by_secret(&id.to_string(), &secret);
    let (second, second_secret) = house.app.client_create(house.acme, ScopeSet::ALL).await.expect("another");
    let token = house.app.token_issue(&client, None, None).await.expect("a token");
    let exchange = async |client: &Presented, token: &str, to: Option<(OrgId, Option<&'static str>)>| match house
        .app
        .token_exchange(client, token, to, None, None)
        .await
        .map(|issued| issued.scopes)
    {
        Err(Error::Auth(error)) => Err(error),
        other => Ok(other.expect("no other failure")),
    };
    let own = token.access_token.expose();
    let absent = uuid::Uuid::from_u128(1).into();
    for to in [Some(house.partners), Some(other), Some(below), Some(absent), None] {
        let to = to.map(|org| (org, None));
        assert_eq!(exchange(&client, own, to).await, Err(auth::Error::InvalidTarget), "{to:?}");
    }
    assert_eq!(exchange(&client, own, Some((house.acme, Some("globex")))).await, Err(auth::Error::InvalidTarget), "SEC S-33");
    assert_eq!(exchange(&client, own, Some((house.acme, Some("acme")))).await, Ok(ScopeSet::ALL));
    let to = Some((house.acme, None));
    let thief = by_secret(&second.to_string(), &second_secret);
    assert_eq!(exchange(&thief, own, to).await, Err(auth::Error::SubjectToken));
    let nobody = by_secret(&id.to_string(), &second_secret);
    assert_eq!(exchange(&nobody, own, to).await, Err(auth::Error::InvalidClient));
    let person = house.app.token_create(house.acme, Some("ada"), ScopeSet::ALL, None).await.expect("a person's");
    let pasted = house.app.token_create(house.acme, None, ScopeSet::ALL, None).await.expect("a provider's");
    for token in [pasted.access_token.expose(), "x.y.z", &format!("{own}x")] {
        assert_eq!(exchange(&client, token, to).await, Err(auth::Error::SubjectToken));
    }
    // A person is a guest of none of these, and has no rights by any group where it is.
    let person = person.access_token.expose();
    for to in [house.partners, other, below, absent] {
        assert_eq!(exchange(&client, person, Some((to, None))).await, Err(auth::Error::InvalidTarget));
    }
    assert!(matches!(exchange(&client, person, to).await, Err(auth::Error::ScopeNotGranted(_))));
    let (foreign, foreign_secret) = house.app.client_create(other, ScopeSet::ALL).await.expect("a client of another tree");
    let stranger = by_secret(&foreign.to_string(), &foreign_secret);
    for to in [house.acme, other] {
        assert_eq!(exchange(&stranger, person, Some((to, None))).await, Err(auth::Error::SubjectToken));
    }
    house.end(Revoked::Token(token.token)).await.expect("revoked");
    assert_eq!(exchange(&client, own, to).await, Err(auth::Error::SubjectToken));
}

/// SEC S-28: a person goes down the chain of being a guest, with the rights of the groups there and no more than the token had; what
/// ends the token, the client, or a link of the chain ends what it was exchanged for.
#[tokio::test]
async fn a_person_switches_to_where_it_is_a_guest_and_the_token_ends_with_what_it_came_from() {
    let house = house().await;
    let east = house.app.org_create(Some(house.partners), "east", None).await.expect("a grandchild").id;
    for end in 0..7 {
        let ada = house.user(house.acme, &format!("ada{end}")).await;
        let guest = house.guest(house.partners, (house.acme, ada)).await;
        let last = house.guest(east, (house.partners, guest)).await;
        house.group(house.partners, guest, "users:read groups:read").await;
        house.group(east, last, "users:read users:write groups:read").await;
        let (id, secret) = house.app.client_create(house.acme, scopes("users:read users:write")).await.expect("a client");
        let client = by_secret(&id.to_string(), &secret);
        let name = format!("ada{end}");
        let given = scopes("users:read groups:read settings:write");
        let first = house.app.token_create(house.acme, Some(&name), given, None).await.expect("a token");
        let exchange = async |token: &Issued, to: OrgId, scope| {
            house.app.token_exchange(&client, token.access_token.expose(), Some((to, None)), scope, None).await
        };
        let below = exchange(&first, house.partners, None).await.expect("a token below");
        assert_eq!((below.scopes, below.lifetime), (scopes("users:read"), ACCESS_LIFETIME), "in all three, and for an hour");
        let who = house.verify(&below, house.partners).await.expect("believed");
        assert_eq!((&who.subject, &who.client_id), (&Subject::User(guest), &Some(id.to_string())), "whom it is there");
        // Straight down, or step by step.
        let asked = Some("users:read users:write");
        let straight = exchange(&first, east, asked).await.expect("two down");
        let stepped = exchange(&below, east, asked).await.expect("one more");
        for one in [&straight, &stepped] {
            assert_eq!(one.scopes, scopes("users:read"), "what the groups there give beyond the old token is not given");
            assert_eq!(house.verify(one, east).await.expect("believed").subject, Subject::User(last));
            let claims = house.app.issuers.verify(one.access_token.expose(), house.app.now()).await.expect("sound");
            assert_eq!(claims.actors, [id], "SEC S-32");
        }
        assert!(matches!(exchange(&below, house.acme, None).await, Err(Error::Auth(auth::Error::InvalidTarget))), "down only");
        let off = async |org: OrgId, user: UserId| {
            let doc =
                house.app.store.resource(org, Kind::User, user.0, References::Omit, house.app.now()).await.expect("a read");
            let record = doc.expect("there");
            let doc = record.doc.replace(r#""active":true"#, r#""active":false"#);
            let expected = record.version;
            let change =
                directory::Change::UserReplaced { org, id: user, expected, doc, password_hash: None, at: house.app.now() };
            house.write(change).await;
        };
        match end {
            0 => house.end(Revoked::Token(first.token)).await.expect("revoked"),
            1 => house.end(Revoked::Subject(ada.0)).await.expect("revoked"),
            2 => off(house.acme, ada).await,
            3 => off(house.partners, guest).await,
            4 => {
                house
                    .write(directory::Change::UserDeleted {
                        org: house.partners,
                        id: guest,
                        expected: None,
                        at: house.app.now(),
                    })
                    .await
            }
            5 => house.write(crate::auth::Change::ClientDeleted { org: house.acme, client: id }).await,
            _ => house.end(Revoked::All).await.expect("revoked"),
        }
        for (one, org) in [(&below, house.partners), (&straight, east), (&stepped, east)] {
            assert_eq!(refusal(house.verify(one, org).await), Some(Refusal::Dead), "{end}");
        }
        house.clock.advance(Duration::from_millis(1));
    }
}
