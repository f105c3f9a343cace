//! Bulk: every operation as its own endpoint would do it, many of them to one write to disk (RFC 7644 §3.7).
//!
//! Decisions are collected in a *run*, whose commits follow each other in one transaction, each in a savepoint of its own. A
//! decision that read something carries the version that it relied on; where an earlier operation or another client got in
//! between, it is stale, and it and what comes after it are decided anew. So the end is the same as that of single requests.

mod alone;
mod commit;

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::{Map, Value};
use tokio::time::Instant;
use uuid::Uuid;

use super::idempotency::Ticket;
use super::{App, Error};
use crate::auth::Principal;
use crate::base::limit::{BULK_TIME, MEMBERS_MAX};
use crate::directory::groups::Needs;
use crate::directory::{self, MemberChange};
use crate::scim::bulk::{self, BulkRequest, Method, Request, Target};
use crate::scim::{self, Kind, Quirk, Quirks};
use crate::store::{self, Change, Commit, Kept, References};

/// Commits of one run: what others wait for behind it is bounded by this and by [`MEMBERS_MAX`] rows of members.
const RUN_MAX: usize = 256;

/// The answer to one operation.
#[derive(Debug)]
pub struct Entry {
    /// As sent.
    pub method: String,
    /// As sent.
    pub bulk_id: Option<String>,
    /// Endpoint and id of the resource, as far as it is known: not that of a POST that failed (B-11).
    pub resource: Option<(String, String)>,
    /// What became of it.
    pub outcome: Result<Written, Error>,
}

/// What a single request would have been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// 201, 200 or 204.
    pub status: u16,
    /// That of the resource now, where it still has one.
    pub version: Option<u64>,
}

impl App {
    /// Does the operations of `body`: one entry for each that was tried, in the order of the request. What fails harms no other;
    /// after `failOnErrors` failures nothing more is tried.
    pub async fn bulk(&self, who: &Principal, ticket: Option<&Ticket>, body: Map<String, Value>) -> Result<Vec<Entry>, Error> {
        let mut quirks = Quirks::default();
        let request = BulkRequest::parse(body, &who.schemas, self.profile(who), &mut quirks)?;
        self.note(who, &quirks);
        if let Some(ticket) = ticket {
            self.commit_one(who, ticket.kept(Kept::Begun, self.now())).await?;
        }
        let mut work = Work::new(self, who, &request);
        work.all().await;
        let Work { ids, outcomes, .. } = work;
        let tried = request.operations.into_iter().zip(outcomes).enumerate();
        let entries = tried.filter_map(|(at, (operation, outcome))| {
            let outcome = outcome?;
            let resource = operation.request.ok().and_then(|request| {
                let id = match request.target {
                    None => ids[at]?.to_string(),
                    Some(Target::Id(id)) => id.to_string(),
                    Some(Target::Made(maker)) => ids[maker]?.to_string(),
                    Some(Target::Nothing(text)) => text,
                };
                Some((request.endpoint, id))
            });
            Some(Entry { method: operation.method, bulk_id: operation.bulk_id, resource, outcome })
        });
        Ok(entries.collect())
    }
}

/// A bulk request under way.
struct Work<'a> {
    app: &'a App,
    who: &'a Principal,
    request: &'a BulkRequest,
    /// What is still to be done; see [`bulk::order`].
    steps: VecDeque<Vec<usize>>,
    /// The id of what each operation makes, known before it is made, so that others can refer to it.
    ids: Vec<Option<Uuid>>,
    outcomes: Vec<Option<Result<Written, Error>>>,
    failures: usize,
    /// How often each was stale.
    tries: Vec<usize>,
    /// Those that named members who are not there, where the org passes them over (S-45, OK-14).
    partial: HashSet<usize>,
    run: Run,
}

/// Decisions that wait for their commit.
#[derive(Default)]
struct Run {
    commits: Vec<Commit>,
    /// For each commit the operations of its changes.
    owners: Vec<Vec<usize>>,
    /// Which commit is that of an operation.
    places: HashMap<usize, usize>,
    /// What they are about.
    resources: HashSet<Uuid>,
    members: usize,
}

/// What a look at one operation came to.
#[allow(clippy::large_enum_variant, reason = "it lives for a moment")]
enum Plan {
    /// Something is to be written.
    Commit(Change),
    /// It is done already.
    Done(Written),
    /// It has to see what the run has not written yet.
    AfterRun,
}

impl<'a> Work<'a> {
    fn new(app: &'a App, who: &'a Principal, request: &'a BulkRequest) -> Self {
        let now = app.now();
        let ids = request.operations.iter().map(|operation| match &operation.request {
            Ok(Request { kind: Kind::Invitation | Kind::Organization, .. }) => None,
            Ok(request) => (request.method == Method::Post).then(|| app.random.uuid(now)),
            Err(_) => None,
        });
        let count = request.operations.len();
        Work {
            app,
            who,
            request,
            steps: bulk::order(&request.operations).into(),
            ids: ids.collect(),
            outcomes: std::iter::repeat_with(|| None).take(count).collect(),
            failures: 0,
            tries: vec![0; count],
            partial: HashSet::new(),
            run: Run::default(),
        }
    }

    async fn all(&mut self) {
        let until = Instant::now() + BULK_TIME;
        while !self.is_over() {
            match self.steps.pop_front() {
                // What was decided in time is written first.
                Some(step) if Instant::now() > until && !self.run.commits.is_empty() => {
                    self.steps.push_front(step);
                    self.flush().await;
                }
                Some(step) if Instant::now() > until => {
                    let late = scim::Error::status(503, "the request took too long, send this operation again");
                    step.into_iter().for_each(|at| self.end(at, Err(late.clone().into())));
                }
                Some(step) => self.step(step).await,
                None if self.run.commits.is_empty() => break,
                None => self.flush().await,
            }
            if self.run.commits.len() >= RUN_MAX || self.run.members >= MEMBERS_MAX {
                self.flush().await;
            }
        }
    }

    /// B-09.
    fn is_over(&self) -> bool {
        self.failures >= self.failures_max()
    }

    fn failures_max(&self) -> usize {
        self.request.fail_on_errors.unwrap_or(usize::MAX)
    }

    fn end(&mut self, at: usize, outcome: Result<Written, Error>) {
        if outcome.is_err() {
            self.failures += 1;
            // What was not made is nowhere.
            self.ids[at] = None;
        }
        self.outcomes[at] = Some(outcome);
    }

    async fn step(&mut self, step: Vec<usize>) {
        let plan = match step[..] {
            [at] => match self.plan(at, &[]).await {
                Ok(Plan::Commit(change)) if self.partial.contains(&at) => self.only_known(change).await,
                Ok(Plan::Commit(change)) => self.managed(change).await,
                plan => plan,
            },
            _ if self.run.commits.is_empty() => return self.circle(&step).await,
            _ => Ok(Plan::AfterRun),
        };
        match plan {
            Ok(Plan::Commit(change)) => self.push(vec![change], step),
            Ok(Plan::Done(written)) => self.end(step[0], Ok(written)),
            // How many failures there were before this one is known only after the run.
            Err(error) if self.run.commits.is_empty() || self.request.fail_on_errors.is_none() => self.end(step[0], Err(error)),
            Ok(Plan::AfterRun) | Err(_) => {
                self.steps.push_front(step);
                self.flush().await;
            }
        }
    }

    /// Decides the operation at `at`. Those of its `circle` need not be done before it.
    async fn plan(&mut self, at: usize, circle: &[usize]) -> Result<Plan, Error> {
        let request = self.request.operations[at].request.as_ref().map_err(Clone::clone)?;
        self.check_references(at, request, circle)?;
        let id = match request.target {
            None => self.ids[at],
            Some(Target::Id(id)) => Some(id),
            Some(Target::Made(maker)) => self.ids[maker],
            Some(Target::Nothing(_)) => return Err(store::Error::NotFound.into()),
        };
        let data = self.request.data(request, |maker| self.ids[maker]);
        let if_match = request.version.as_deref();
        let (app, who) = (self.app, self.who);
        let is_in_run = id.is_some_and(|id| self.run.resources.contains(&id));
        let unchanged = |version| Plan::Done(Written { status: 200, version: Some(version) });
        let Some(id) = id else { return self.plan_alone(at, request, data).await };
        Ok(match (request.kind, request.method) {
            (Kind::User, Method::Post) => Plan::Commit(app.user_created(who, id.into(), data, app.now()).await?.into()),
            (Kind::Group, Method::Post) => Plan::Commit(app.group_created(who, id.into(), data, app.now())?.into()),
            (Kind::Invitation | Kind::Organization, _) => return self.plan_alone(at, request, data).await,
            (_, Method::Put) | (Kind::User | Kind::Custom(_), Method::Patch) if is_in_run => Plan::AfterRun,
            (_, Method::Delete) if is_in_run && if_match.is_some() => Plan::AfterRun,
            (Kind::User, Method::Put) => {
                let draft = app.user_draft(who, Some(id.into()), data)?;
                let hash = app.hash_for(who, id.into(), if_match, draft.password()).await?;
                let (current, change) = app.user_replaced(who, id.into(), if_match, &draft, hash, References::Omit).await?;
                change.map_or(unchanged(current.version), |change| Plan::Commit(change.into()))
            }
            (Kind::User, Method::Patch) => {
                let mut edits = app.user_edits(who, data)?;
                let hash = app.hash_for(who, id.into(), if_match, edits.0.password()).await?;
                let (current, change) = app.user_patched(who, id.into(), if_match, &mut edits, hash, References::Omit).await?;
                change.map_or(unchanged(current.version), |change| Plan::Commit(change.into()))
            }
            (Kind::User, Method::Delete) => Plan::Commit(app.user_deleted(who, id.into(), if_match).await?.into()),
            (Kind::Group, Method::Put) => {
                let draft = app.group_draft(who, Some(id.into()), data)?;
                Plan::Commit(app.group_replaced(who, id.into(), if_match, &draft).await?.into())
            }
            (Kind::Group, Method::Patch) => {
                let mut edits = app.group_edits(who, data)?;
                let needs = edits.0.needs();
                // A filter over members may look at any of them.
                let has_to_see = needs == Needs::Members && !self.run.commits.is_empty();
                if has_to_see || is_in_run && (needs != Needs::Nothing || if_match.is_some()) {
                    return Ok(Plan::AfterRun);
                }
                let change = app.group_patched(who, id.into(), if_match, &mut edits).await?;
                change.map_or_else(unchanged, |change| Plan::Commit(change.into()))
            }
            (Kind::Custom(_), method) => {
                let resource_type = who.schemas.get(request.kind).ok_or_else(scim::Error::not_found)?;
                let (current, change) = match method {
                    Method::Post => {
                        return Ok(Plan::Commit(app.resource_created(who, resource_type, id, data, app.now())?.into()));
                    }
                    Method::Put => {
                        let draft = app.resource_draft(who, resource_type, Some(id), data)?;
                        app.resource_replaced(who, resource_type, id, if_match, &draft).await?
                    }
                    Method::Patch => {
                        let mut edits = app.resource_edits(who, resource_type, data)?;
                        app.resource_patched(who, resource_type, id, if_match, &mut edits).await?
                    }
                    Method::Delete => {
                        return Ok(Plan::Commit(app.resource_deleted(who, resource_type, id, if_match).await?.into()));
                    }
                };
                change.map_or(unchanged(current.version), |change| Plan::Commit(change.into()))
            }
            (Kind::Group, Method::Delete) => Plan::Commit(app.group_deleted(who, id.into(), if_match).await?.into()),
        })
    }

    /// S-44: what this request makes is there in time; another manager may be about to go.
    async fn managed(&mut self, change: Change) -> Result<Plan, Error> {
        if let Change::Directory(directory::Change::UserCreated { doc, .. } | directory::Change::UserReplaced { doc, .. }) =
            &change
            && let Some(manager) = directory::users::manager(doc)
        {
            let manager = manager.parse().ok();
            if manager.is_none() || !self.ids.contains(&manager) {
                if manager.is_some_and(|manager| self.run.resources.contains(&manager)) {
                    return Ok(Plan::AfterRun);
                }
                self.app.check_manager(self.who, doc).await?;
            }
        }
        Ok(Plan::Commit(change))
    }

    /// Without the members who are not there, nor made by this request.
    async fn only_known(&mut self, change: Change) -> Result<Plan, Error> {
        let Change::Directory(change) = change else { return Ok(Plan::Commit(change)) };
        let mut known = self.app.store.members_known(self.who.org.id, directory::groups::new_members(&change)).await?;
        known.extend(self.ids.iter().flatten());
        self.app.note(self.who, &Quirks::of(Quirk::UnknownMembersSkipped));
        Ok(Plan::Commit(directory::groups::only(change, &known).into()))
    }

    /// B-07: what it refers to is there, or will be by the time of its commit.
    fn check_references(&self, at: usize, request: &Request, circle: &[usize]) -> Result<(), scim::Error> {
        for other in request.refers.iter().filter(|other| **other != at && !circle.contains(other)) {
            let is_there = match &self.outcomes[*other] {
                Some(outcome) => outcome.is_ok(),
                None => self.run.places.contains_key(other),
            };
            if !is_there {
                return Err(self.failed(*other));
            }
        }
        Ok(())
    }

    fn failed(&self, maker: usize) -> scim::Error {
        let name = self.request.operations[maker].bulk_id.as_deref().unwrap_or_default();
        bulk::unresolved(name, "is made by an operation that failed")
    }

    fn push(&mut self, decided: Vec<Change>, deciders: Vec<usize>) {
        let (mut changes, mut owners) = (Vec::new(), Vec::new());
        for (change, owner) in decided.into_iter().zip(deciders) {
            changes.extend(self.app.besides(self.who, &change));
            changes.push(change);
            owners.resize(changes.len(), owner);
        }
        let place = self.run.commits.len();
        let mut needs = Vec::new();
        for &at in &owners {
            self.run.places.insert(at, place);
            let Ok(request) = &self.request.operations[at].request else { continue };
            needs.extend(request.refers.iter().filter_map(|other| self.run.places.get(other)).filter(|other| **other < place));
            self.run.resources.extend(self.ids[at]);
            match request.target {
                Some(Target::Id(id)) => self.run.resources.extend([id]),
                Some(Target::Made(maker)) => self.run.resources.extend(self.ids[maker]),
                Some(Target::Nothing(_)) | None => {}
            }
        }
        self.run.members += changes.iter().map(members).sum::<usize>();
        self.run.commits.push(Commit { changes, needs });
        self.run.owners.push(owners);
    }

    /// B-06: what refers to each other is made first and put together then, all or none of it.
    async fn circle(&mut self, step: &[usize]) {
        let (mut changes, mut owners) = (Vec::new(), Vec::new());
        for &at in step {
            let plan = match self.ids[at] {
                Some(_) => match self.plan(at, step).await {
                    Ok(Plan::Commit(change)) => self.managed(change).await,
                    plan => plan,
                },
                None => Err(self.failed(at).into()),
            };
            match plan {
                Ok(Plan::Commit(change)) => {
                    changes.push(change);
                    owners.push(at);
                }
                Ok(Plan::Done(_) | Plan::AfterRun) => unreachable!("only what makes something can be in a circle"),
                Err(error) => return self.end_circle(step, at, error),
            }
        }
        let made: HashSet<Uuid> = step.iter().filter_map(|&at| self.ids[at]).collect();
        for (place, &owner) in step.iter().enumerate() {
            if let Change::Directory(directory::Change::GroupCreated { org, id, members, at, .. }) = &mut changes[place] {
                let (later, first) = members.iter().partition::<Vec<Uuid>, _>(|member| made.contains(member));
                *members = first;
                if !later.is_empty() {
                    let members = vec![MemberChange::Added(later)];
                    let (org, id, at) = (*org, *id, *at);
                    changes.push(directory::Change::GroupChanged { org, id, expected: None, doc: None, members, at }.into());
                    owners.push(owner);
                }
            }
        }
        self.push(changes, owners);
        self.flush().await;
    }

    fn end_circle(&mut self, step: &[usize], culprit: usize, error: Error) {
        let failed = self.failed(culprit);
        self.end(culprit, Err(error));
        for &at in step.iter().filter(|at| **at != culprit) {
            self.end(at, Err(failed.clone().into()));
        }
    }
}

/// Rows of members that a change writes, at the most.
fn members(change: &Change) -> usize {
    let named = |change: &MemberChange| match change {
        MemberChange::Added(ids) | MemberChange::Removed(ids) | MemberChange::Replaced(ids) => ids.len(),
    };
    match change {
        Change::Directory(directory::Change::GroupCreated { members, .. }) => members.len(),
        Change::Directory(directory::Change::GroupChanged { members, .. }) => members.iter().map(named).sum(),
        _ => 0,
    }
}
