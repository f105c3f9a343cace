//! `usher migrate`.

use super::data::Data;
use super::{Common, Failure, print};

/// Opening the store brings it up to date; this does that and nothing else.
pub(super) async fn migrate(common: &Common) -> Result<(), Failure> {
    let data = Data::open(common)?;
    data.app.store.close().await;
    print::result(common, &serde_json::json!({ "migrated": true }), "the database has this version's schema")
}
