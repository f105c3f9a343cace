//! `usher mail preview`, `usher mail test`.

use std::sync::Arc;

use serde_json::json;

use super::data::{self, Data};
use super::serve::mail_settings;
use super::{Common, Failure, print};
use crate::app::mail::{Courier, Sample};
use crate::base::OrgId;
use crate::config::Config;
use crate::mail::host_of;
use crate::worker::Post;

/// Prints the letter: with `--json` all of it, else subject and text, or the HTML part alone.
pub(super) async fn preview(common: &Common, org: OrgId, sample: &Sample, html: bool) -> Result<(), Failure> {
    let data = open(common)?;
    let letter = data.app.org_mail_preview(&data::org(&data.app, org).await?, sample).await?;
    let part = |name: &str| letter[name].as_str().unwrap_or_default().to_owned();
    match (common.json, html) {
        (true, _) => print::line(&letter.to_string()),
        (false, true) => print::line(&part("html")),
        (false, false) => print::line(&format!("{}\n\n{}", part("subject"), part("text"))),
    }
}

/// Sends the letter to `to` and prints what the mail server said.
pub(super) async fn test(common: &Common, org: OrgId, to: &str, sample: &Sample) -> Result<(), Failure> {
    let data = open(common)?;
    match data.app.org_mail_test(&data::org(&data.app, org).await?, to, sample).await? {
        Ok(answer) => print::result(common, &json!({ "sent": true, "answer": answer }), &answer),
        Err(answer) => Err(answer.into()),
    }
}

/// The data directory, and the way out that its configuration names.
fn open(common: &Common) -> Result<Data, Failure> {
    let mut data = Data::open(common)?;
    let config = Config::read(common.config.as_deref(), &common.data)?;
    let host = host_of(&data.app.settings.public_url).to_owned();
    data.app.courier = Some(Arc::new(Post::open(&mail_settings(common, &config), &host)?) as Arc<dyn Courier>);
    Ok(data)
}
