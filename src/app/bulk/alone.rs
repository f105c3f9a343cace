//! What goes by itself, between two runs and with an id of its own: an invitation, which is decided against the whole org and brings
//! a letter with it, and an organization, which may take others along.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Plan, Work, Written};
use crate::app::Error;
use crate::org::Children;
use crate::scim::bulk::{Method, Request, Target};
use crate::scim::{self, Kind, Quirks, Record, resource};
use crate::store;

impl Work<'_> {
    pub(super) async fn plan_alone(&mut self, at: usize, request: &Request, data: Map<String, Value>) -> Result<Plan, Error> {
        if !self.run.commits.is_empty() {
            return Ok(Plan::AfterRun);
        }
        let (app, who, if_match) = (self.app, self.who, request.version.as_deref());
        let written = |status, record: Record| Ok(Plan::Done(Written { status, version: Some(record.version) }));
        let record = match (request.kind, request.method) {
            (Kind::Organization, Method::Post) => app.org_make(who, data).await?,
            (Kind::Organization, Method::Put) => {
                return written(200, app.org_replace(who, self.target(request)?.into(), if_match, data).await?);
            }
            (Kind::Organization, Method::Patch) => {
                return written(200, app.org_patch(who, self.target(request)?.into(), if_match, data).await?);
            }
            (_, Method::Post) => {
                let accepted = resource::accept(who.schemas.invitation(), data, app.profile(who), &mut Quirks::default())?;
                app.invitation_create(who, None, &accepted).await?
            }
            (kind, Method::Delete) => {
                let id = self.target(request)?;
                match kind {
                    Kind::Organization => app.org_delete(who, id.into(), if_match, Children::Block).await?,
                    _ => app.invitation_delete(who, id.into(), if_match).await?,
                }
                return Ok(Plan::Done(Written { status: 204, version: None }));
            }
            _ => return Err(scim::Error::status(405, "an invitation takes only POST and DELETE").into()),
        };
        self.ids[at] = Some(record.id);
        written(201, record)
    }

    fn target(&self, request: &Request) -> Result<Uuid, store::Error> {
        let id = match request.target {
            Some(Target::Id(id)) => Some(id),
            Some(Target::Made(maker)) => self.ids[maker],
            Some(Target::Nothing(_)) | None => None,
        };
        id.ok_or(store::Error::NotFound)
    }
}
