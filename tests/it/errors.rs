//! Every layer refuses in SCIM's own words: router, framing, media type, parser, token, tenant, resource.

use std::io::{Read, Write};
use std::net::TcpStream;

use reqwest::Method;
use serde_json::json;

use crate::server::{Persona, Server, USER, answer, http};

const UNKNOWN: &str = "019aa000-0000-7000-8000-00000000beef";

fn admin() -> (Server, Persona) {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    (server, admin)
}

#[tokio::test]
async fn the_router_knows_no_such_place() {
    let (server, admin) = admin();
    for path in ["/Nothing", "/Users/x/y", "/users.json", "/%2E%2E", "/Users/..%2F..", "/.nothing"] {
        let answer = admin.get(path).await;
        assert!(matches!(answer.status, 404 | 501), "{path}: {}", answer.status);
        let status = answer.status;
        answer.expect_error(status, None);
    }
    for path in ["/nowhere", "/t", "/t/acme", "/t/acme/o", "/t/acme/o/x/scim2/Users"] {
        assert_eq!(answer(http().get(format!("{}{path}", server.url))).await.status, 404, "{path}");
    }
}

/// C-16, E-05
#[tokio::test]
async fn a_method_that_is_not_there_is_405_and_says_which_are() {
    let (_server, admin) = admin();
    let id = admin.user("ada").await;
    let one = format!("/Users/{id}");
    for (method, path, allowed) in [
        (Method::DELETE, "/Users", &["GET", "POST"][..]),
        (Method::PUT, "/Users", &["GET", "POST"]),
        (Method::PATCH, "/Groups", &["GET", "POST"]),
        (Method::POST, one.as_str(), &["GET", "PUT", "PATCH", "DELETE"]),
        (Method::POST, "/Schemas", &["GET"]),
        (Method::DELETE, "/ServiceProviderConfig", &["GET"]),
        (Method::TRACE, "/Users", &["GET", "POST"]),
    ] {
        let refused = admin.send(method.clone(), path, None).await.expect_error(405, None);
        let allow = refused.header("allow").unwrap_or_else(|| panic!("{method} {path}: no Allow")).to_owned();
        let words: Vec<&str> = allow.split(',').map(str::trim).collect();
        for word in allowed {
            assert!(words.contains(word), "{method} {path}: {allow}");
        }
        assert!(!words.contains(&method.as_str()), "{method} {path}: {allow}");
    }
}

/// H-01, H-02, H-04, P-33, S-62
#[tokio::test]
async fn only_json_in_utf_8_is_taken() {
    let (_server, admin) = admin();
    let body = |n: u32| json!({ "schemas": [USER], "userName": format!("user{n}") }).to_string();
    for (n, kind) in ["text/plain", "application/xml", "application/x-www-form-urlencoded", "application/json; charset=utf-16"]
        .iter()
        .enumerate()
    {
        let request = admin.request(Method::POST, "/Users").header("content-type", *kind).body(body(n as u32));
        answer(request).await.expect_error(415, None);
    }
    let id = admin.user("ada").await;
    let request = admin.request(Method::PATCH, &format!("/Users/{id}")).header("content-type", "application/json-patch+json");
    answer(request.body(r#"[{"op":"replace","path":"/title","value":"x"}]"#)).await.expect_error(415, None);
    let request = admin
        .request(Method::POST, "/Users")
        .header("content-type", "application/scim+json")
        .header("content-encoding", "gzip");
    answer(request.body(body(90))).await.expect_error(415, None);
    for (n, kind) in
        ["application/json", "Application/SCIM+JSON; Charset=UTF-8", "application/json;charset=\"utf-8\""].iter().enumerate()
    {
        let request = admin.request(Method::POST, "/Users").header("content-type", *kind).body(body(100 + n as u32));
        answer(request).await.expect(201);
    }
    // H-04: without one, lenient.
    answer(admin.request(Method::POST, "/Users").body(body(200))).await.expect(201);
}

/// C-14, S-58, V-44
#[tokio::test]
async fn a_body_that_is_not_one_json_object_is_refused() {
    let (_server, admin) = admin();
    let id = admin.user("ada").await;
    let deep = format!("{{\"userName\":\"x\",\"name\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let bodies: [&[u8]; 17] = [
        b"",
        b" ",
        b"null",
        b"[]",
        b"\"x\"",
        b"{",
        b"{}x",
        b"{\"userName\":\"x\",}",
        b"{\"userName\":NaN}",
        b"\xEF\xBB\xBF{\"userName\":\"x\"}",
        b"{\"userName\":\"\xFF\"}",
        b"{\"userName\":\"a\\ud800\"}",
        b"{\"userName\":\"a\\u0000\"}",
        b"{\"userName\":\"x\",\"userName\":\"y\"}",
        b"{\"userName\":\"x\",\"user\\u004eame\":\"y\"}",
        b"{\"userName\":\"x\",\"USERNAME\":\"y\"}",
        deep.as_bytes(),
    ];
    for body in bodies {
        for (method, path) in [
            (Method::POST, "/Users".to_owned()),
            (Method::PUT, format!("/Users/{id}")),
            (Method::PATCH, format!("/Users/{id}")),
        ] {
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            let request =
                admin.request(method.clone(), &path).header("content-type", "application/scim+json").body(body.to_vec());
            let answer = answer(request).await;
            assert_eq!(answer.status, 400, "{method} {shown}: {}", answer.text);
            let kind = answer.body["scimType"].as_str().unwrap_or_default().to_owned();
            assert!(matches!(kind.as_str(), "invalidSyntax" | "invalidValue"), "{method} {shown}: {}", answer.text);
            answer.expect_error(400, Some(&kind));
        }
    }
    let nested =
        json!({ "schemas": [USER], "userName": "y" }).to_string().replace('}', r#","name":{"givenName":"a","GivenName":"b"}}"#);
    let request = admin.request(Method::POST, "/Users").header("content-type", "application/scim+json").body(nested);
    answer(request).await.expect_error(400, Some("invalidSyntax"));
    assert_eq!(admin.get("/Users").await.expect(200).total(), 1, "none of it was stored");
}

/// B-14's limit for single requests: with a length the body is not read, without one it is counted.
#[tokio::test]
async fn a_body_beyond_the_limit_is_413_with_a_length_and_in_chunks() {
    let (server, admin) = admin();
    let token = server.tree.token(&server.tree.root, "users:write");
    let address = server.url.trim_start_matches("http://").to_owned();
    let path = format!("/t/acme/o/{}/scim2/Users", server.tree.root);
    let head = |more: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nConnection: close\r\n{more}\r\n"
        )
    };
    let talk = |head: String, chunks: Vec<Vec<u8>>| {
        let address = address.clone();
        tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).expect("it listens");
            stream.write_all(head.as_bytes()).expect("the head is read");
            for chunk in chunks {
                // The server may answer and close before it has everything.
                if stream.write_all(&chunk).is_err() {
                    break;
                }
            }
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8_lossy(&answer).into_owned()
        })
    };
    let declared = talk(head("Content-Length: 10000000\r\n"), Vec::new()).await.expect("it talks");
    assert!(declared.starts_with("HTTP/1.1 413"), "{declared}");
    assert!(declared.contains("application/scim+json") && declared.contains(r#""status":"413""#), "{declared}");

    let mut chunks = vec![b"20\r\n{\"userName\":\"big\",\"title\":\"aaaaa\r\n".to_vec()];
    let million: Vec<u8> = [b"100000\r\n".to_vec(), vec![b'a'; 0x10_0000], b"\r\n".to_vec()].concat();
    chunks.extend(std::iter::repeat_n(million, 9));
    let counted = talk(head("Transfer-Encoding: chunked\r\n"), chunks).await.expect("it talks");
    assert!(counted.starts_with("HTTP/1.1 413"), "{}", &counted[..counted.len().min(400)]);
    assert!(counted.contains(r#""status":"413""#), "{counted}");

    // Chunked as such is fine.
    let small = b"1b\r\n{\"userName\":\"in pieces\"    \r\n1\r\n}\r\n0\r\n\r\n".to_vec();
    let taken = talk(head("Transfer-Encoding: chunked\r\n"), vec![small]).await.expect("it talks");
    assert!(taken.starts_with("HTTP/1.1 201"), "{taken}");
    assert_eq!(admin.get("/Users").await.expect(200).total(), 1);
}

/// X-01, SEC S-10, S-14, S-18, S-26
#[tokio::test]
async fn a_token_that_is_not_believed_is_401_and_the_challenge_says_so() {
    let (server, _) = admin();
    let root = server.tree.root.clone();
    let good = server.tree.token(&root, "users:read");
    let parts: Vec<&str> = good.split('.').collect();
    assert_eq!(parts.len(), 3, "a JWT");
    let part = |text: &str| base64(text.as_bytes());
    let none = format!("{}.{}.", part(r#"{"alg":"none","typ":"at+jwt"}"#), parts[1]);
    let hmac = format!("{}.{}.{}", part(r#"{"alg":"HS256","typ":"at+jwt"}"#), parts[1], parts[2]);
    let cut = good[..good.len() - 4].to_owned();
    let claims = format!("{}.{}.{}", parts[0], part(r#"{"sub":"x","scope":"users:write"}"#), parts[2]);
    let long = format!("{good}{}", "A".repeat(9000));
    let cases = [
        (None, false),
        (Some(String::new()), false),
        (Some("Bearer".into()), true),
        (Some("Bearer ".into()), true),
        (Some("Bearer garbage".into()), true),
        (Some(format!("Basic {}", part("a:b"))), false),
        (Some(format!("Bearer {none}")), true),
        (Some(format!("Bearer {hmac}")), true),
        (Some(format!("Bearer {cut}")), true),
        (Some(format!("Bearer {claims}")), true),
        (Some(format!("Bearer {long}")), true),
        (Some(format!("Bearer {good}.x")), true),
        (Some(format!("Bearer {good} {good}")), true),
        (Some(format!("Bearer {good}, Bearer {good}")), true),
    ];
    for (header, presented) in cases {
        let shown: String = header.clone().unwrap_or_default().chars().take(40).collect();
        let mut request = http().get(format!("{}/t/acme/o/{root}/scim2/Users", server.url));
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let refused = answer(request).await;
        assert_eq!(refused.status, 401, "{shown:?}: {}", refused.text);
        let refused = refused.expect_error(401, None);
        let challenge = refused.header("www-authenticate").unwrap_or_default().to_owned();
        assert!(challenge.starts_with("Bearer"), "{shown:?}: {challenge:?}");
        if !presented {
            assert!(!challenge.contains("error="), "SEC S-10: none was presented: {shown:?}: {challenge:?}");
        }
    }
    let two = http().get(format!("{}/t/acme/o/{root}/scim2/Users", server.url)).bearer_auth(&good).bearer_auth(&good);
    assert!(matches!(answer(two).await.status, 400 | 401), "two Authorization headers are not one");
    // RFC 7235 §2.1: the scheme has no case.
    let lower =
        http().get(format!("{}/t/acme/o/{root}/scim2/Users", server.url)).header("authorization", format!("bEaReR {good}"));
    answer(lower).await.expect(200);
    // RFC 6750 §2.3 is not spoken: a token does not belong in a URL.
    let query = http().get(format!("{}/t/acme/o/{root}/scim2/Users?access_token={good}", server.url));
    answer(query).await.expect_error(401, None);
}

/// X-02, SEC S-10: 403 names the scope that was missing.
#[tokio::test]
async fn a_token_without_the_scope_is_403() {
    let server = Server::start();
    let root = server.tree.root.clone();
    let reader = server.persona(&root, "users:read");
    let writer = server.persona(&root, "users:write");
    let body = json!({ "schemas": [USER], "userName": "ada" });
    let id = writer.post("/Users", &body).await.expect(201).id();
    let one = format!("/Users/{id}");
    let cases = [
        (reader.post("/Users", &body).await, "users:write"),
        (reader.put(&one, &body).await, "users:write"),
        (reader.patch(&one, json!([])).await, "users:write"),
        (reader.delete(&one).await, "users:write"),
        (reader.get("/Groups").await, "groups:read"),
        (reader.get("/Invitations").await, "invitations:read"),
        (writer.get("/Users").await, "users:read"),
        (writer.get(&one).await, "users:read"),
    ];
    for (refused, scope) in cases {
        let refused = refused.expect_error(403, None);
        let challenge = refused.header("www-authenticate").unwrap_or_default().to_owned();
        assert!(challenge.contains("insufficient_scope") && challenge.contains(scope), "{scope}: {challenge}");
    }
    // What may not be written is not told apart either.
    reader.delete(&format!("/Users/{UNKNOWN}")).await.expect_error(403, None);
}

/// T-01, T-03, T-07, E-08: what another org owns is the same 404 as what nobody owns.
#[tokio::test]
async fn another_org_and_its_resources_are_the_same_404_as_none() {
    let server = Server::start();
    let root = server.tree.root.clone();
    let child = server.tree.org(&root, "partners");
    let sibling = server.tree.org(&root, "suppliers");
    let other = server.tree.root("globex");
    let (admin, below) = (server.admin(&root), server.admin(&child));
    let user = admin.user("ada").await;
    let group = admin.group("Crew", &[]).await;
    for endpoint in ["Users", "Groups", "Invitations"] {
        for id in [&user, &group, &UNKNOWN.to_owned(), &root, &child] {
            let path = format!("/{endpoint}/{id}");
            let found = below.get(&path).await.expect_error(404, None);
            let unknown = below.get(&format!("/{endpoint}/{UNKNOWN}")).await.expect_error(404, None);
            assert_eq!(found.text, unknown.text, "{path} tells that it is somebody's");
            below.delete(&path).await.expect_error(404, None);
        }
    }
    below.put(&format!("/Users/{user}"), &json!({ "schemas": [USER], "userName": "x" })).await.expect_error(404, None);
    below
        .patch(&format!("/Users/{user}"), json!([{ "op": "replace", "path": "title", "value": "x" }]))
        .await
        .expect_error(404, None);
    below
        .patch(&format!("/Groups/{group}"), json!([{ "op": "replace", "path": "displayName", "value": "x" }]))
        .await
        .expect_error(404, None);
    admin.get(&format!("/Users/{user}")).await.expect(200);

    // A good token at the wrong address: the same 404 as at an address that leads nowhere.
    let token = server.tree.token(&root, "users:read");
    let nowhere = server.stranger("acme", UNKNOWN, Some(token.clone())).get("/Users").await.expect_error(404, None);
    for (handle, org) in [
        ("acme", &child),
        ("acme", &sibling),
        ("globex", &other),
        ("globex", &root),
        ("nobody", &root),
        ("ACME2", &root),
        ("acme", &"x".to_owned()),
    ] {
        let answer = server.stranger(handle, org, Some(token.clone())).get("/Users").await.expect_error(404, None);
        assert_eq!(answer.text, nowhere.text, "/t/{handle}/o/{org}");
    }
    for (handle, org, persona) in [("acme", &root, &child), ("globex", &child, &child), ("acme", &other, &other)] {
        let token = server.tree.token(persona, "users:read");
        server.stranger(handle, org, Some(token)).get("/Users").await.expect_error(404, None);
    }
    // Without a token nobody learns which orgs there are.
    let here = server.stranger("acme", &root, None).get("/Users").await.expect_error(401, None);
    let there = server.stranger("acme", UNKNOWN, None).get("/Users").await;
    assert_eq!((here.status, &here.text), (there.status, &there.text), "a stranger can tell an org from none");
}

/// E-07
#[tokio::test]
async fn a_detail_names_what_was_wrong_and_nothing_of_the_inside() {
    let (server, admin) = admin();
    admin.user("ada").await;
    let cases = [
        (admin.find("/Users", "userName regex \"x\"").await, 400, "regex"),
        (admin.find("/Users", "shoeSize eq 4").await, 400, "shoeSize"),
        (admin.post("/Users", &json!({ "schemas": [USER], "userName": "ADA" })).await, 409, "userName"),
        (admin.post("/Users", &json!({ "schemas": [USER], "userName": 7 })).await, 400, "userName"),
        (admin.post("/Users", &json!({ "schemas": [USER], "title": "x" })).await, 400, "userName"),
        (admin.query("/Users", &[("count", "ten")]).await, 400, "count"),
        (admin.query("/Users", &[("sortBy", "userName"), ("sortOrder", "up")]).await, 400, "sortOrder"),
    ];
    for (refused, status, word) in cases {
        let refused = refused.expect(status);
        let detail = refused.body["detail"].as_str().unwrap_or_default().to_owned();
        assert!(detail.contains(word), "{word}: {detail}");
        let inside = ["sqlite", "SQL", "select ", "constraint", "src/", "panicked", "Error {"];
        assert!(!inside.iter().any(|word| detail.contains(word)), "{detail}");
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
