//! The story of `tests/it/clients.rs`, told with the generated Rust SDK.

use serde_json::json;
use usher_sdk::apis::configuration::Configuration;
use usher_sdk::apis::{Error, bulk_api, groups_api, invitations_api, users_api};
use usher_sdk::models::bulk_operation::Method;
use usher_sdk::models::invitation::Status as InvitationStatus;
use usher_sdk::models::invite_result_error::Code;
use usher_sdk::models::patch_operation::Op;
use usher_sdk::models::{
    BulkOperation, BulkRequest, EnterpriseUser, Group, InviteGroup, InviteRequest, PatchOp, PatchOperation, User, UserEmail,
    UserName,
};

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let (parent, child) = (org("PARENT")?, org("CHILD")?);

    // A user with an extension; the second of the same name is a conflict that says why.
    let wanted = User {
        user_name: Some("rust".to_owned()),
        name: Some(Box::new(UserName { family_name: Some("Lovelace".to_owned()), ..UserName::new() })),
        emails: Some(vec![UserEmail {
            value: Some("rust@acme.test".to_owned()),
            r#type: Some("work".to_owned()),
            primary: Some(true),
            ..UserEmail::new()
        }]),
        urn_colon_ietf_colon_params_colon_scim_colon_schemas_colon_extension_colon_enterprise_colon_2_0_colon_user: Some(
            Box::new(EnterpriseUser { department: Some("Engines".to_owned()), ..EnterpriseUser::new() }),
        ),
        ..User::new()
    };
    let user = users_api::create_user(&parent, wanted.clone(), None, None, None, Some("once")).await?;
    let id = user.id.ok_or("no id")?;
    match users_api::create_user(&parent, wanted, None, None, None, None).await {
        Err(Error::ResponseError(refused)) => {
            assert_eq!(refused.status.as_u16(), 409);
            assert!(refused.content.contains(r#""scimType":"uniqueness""#), "{}", refused.content);
        }
        other => panic!("a second user of the name: {other:?}"),
    }

    // A projection leaves out what the schema requires.
    let projected = users_api::get_user(&parent, &id, Some("name.familyName"), None, None).await?;
    assert_eq!(projected.user_name, None);
    assert_eq!(projected.name.and_then(|name| name.family_name).as_deref(), Some("Lovelace"));
    let whole = users_api::get_user(&parent, &id, None, None, None).await?;
    let enterprise =
        whole.urn_colon_ietf_colon_params_colon_scim_colon_schemas_colon_extension_colon_enterprise_colon_2_0_colon_user;
    assert_eq!(enterprise.and_then(|enterprise| enterprise.department).as_deref(), Some("Engines"));
    assert!(whole.meta.and_then(|meta| meta.created).ok_or("no `meta.created`")? <= chrono::Utc::now());

    // A group whose name a PATCH changes.
    let group = Group { display_name: Some("Pilots".to_owned()), ..Group::new() };
    let group = groups_api::create_group(&child, group, None, None, None, None).await?.id.ok_or("no id")?;
    let renamed = PatchOperation {
        path: Some("displayName".to_owned()),
        value: Some(Some("Rust pilots".into())),
        ..PatchOperation::new(Op::Replace)
    };
    // This client reads a body from every success: it takes no 204, which is what a group's PATCH answers if not asked for more.
    let prefer = Some("return=representation");
    let group = groups_api::patch_group(&child, &group, PatchOp::new(vec![renamed]), None, None, None, prefer).await?;
    assert_eq!(group.display_name.as_deref(), Some("Rust pilots"));

    // A user and a group with this user in one request, and the pages of a list.
    let post = |path: &str, name: &str, data: serde_json::Value| BulkOperation {
        bulk_id: Some(name.to_owned()),
        data: Some(data),
        ..BulkOperation::new(Method::Post, path.to_owned())
    };
    let operations = vec![
        post("/Users", "u", json!({ "userName": "rust-bulk" })),
        post("/Groups", "g", json!({ "displayName": "Rust crew", "members": [{ "value": "bulkId:u" }] })),
    ];
    let made = bulk_api::bulk(&parent, BulkRequest::new(operations), None).await?;
    assert!(made.operations.iter().all(|result| result.status == "201"), "{made:?}");
    let (mut names, mut cursor) = (Vec::new(), Some(String::new()));
    while let Some(at) = cursor {
        let filter = Some(r#"userName sw "rust""#);
        let page = users_api::list_users(&parent, filter, None, None, None, Some(1), Some(&at), Some("userName"), None).await?;
        names.extend(page.resources.ok_or("no `Resources`")?.into_iter().filter_map(|user| user.user_name));
        cursor = page.next_cursor;
    }
    names.sort();
    assert_eq!(names, ["rust", "rust-bulk"]);

    // One who exists in the parent and one who does not.
    let invited = invitations_api::invite(
        &child,
        InviteRequest {
            user_names: Some(vec!["rust".to_owned(), "nobody".to_owned()]),
            groups: Some(vec![InviteGroup::new(group.id.ok_or("no id")?)]),
            ..InviteRequest::new()
        },
        None,
    )
    .await?;
    assert_eq!((invited.invited, invited.failed), (1, 1));
    assert_eq!(invited.results[1].error.as_ref().map(|error| error.code), Some(Some(Code::UserNotInParent)));

    let filter = Some(r#"userName eq "rust""#);
    let list = invitations_api::list_invitations(&child, filter, None, None, None, Some(10), None, None, None).await?;
    let listed = list.resources.ok_or("no `Resources`")?;
    assert_eq!(list.total_results, 1);
    assert_eq!(listed[0].status, Some(InvitationStatus::Pending));
    Ok(())
}

fn org(name: &str) -> Result<Configuration, Failure> {
    Ok(Configuration {
        base_path: std::env::var(format!("{name}_URL"))?,
        bearer_access_token: Some(std::env::var(format!("{name}_TOKEN"))?),
        ..Configuration::new()
    })
}
