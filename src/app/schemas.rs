//! Schemas and resource types of a tree: known in the process, defined by administrators of the root org.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{App, Error};
use crate::auth::{Principal, Scope};
use crate::base::{OrgId, Timestamp};
use crate::org::definitions::{self, Change, Facts};
use crate::scim::schema::Definitions;
use crate::scim::{self, Kind, Schemas, urn};
use crate::store;

/// How long another process's change may go unseen.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What each tree is known to have.
pub(super) struct Trees {
    /// What the configuration defines for all of them.
    server: Definitions,
    /// Of a tree that defines nothing itself.
    plain: Arc<Schemas>,
    known: RwLock<HashMap<OrgId, Known>>,
}

struct Known {
    schemas: Arc<Schemas>,
    /// When it was last seen to be so.
    looked: AtomicI64,
}

impl Default for Trees {
    fn default() -> Self {
        Trees { server: Definitions::default(), plain: Schemas::core().clone(), known: RwLock::default() }
    }
}

impl Trees {
    fn get(&self, root: OrgId, is_good: impl FnOnce(&Known) -> bool) -> Option<Arc<Schemas>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&root).filter(|known| is_good(known)).map(|known| known.schemas.clone())
    }

    fn put(&self, root: OrgId, schemas: &Arc<Schemas>, now: Timestamp) {
        let known = Known { schemas: schemas.clone(), looked: AtomicI64::new(now.0) };
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(root, known);
    }

    fn forget(&self, root: OrgId) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(&root);
    }
}

impl App {
    /// What the configuration defines for all trees. Refused is what contradicts itself.
    pub fn define(&mut self, server: Definitions) -> Result<(), scim::Error> {
        let plain = Arc::new(Schemas::with(&server, &Definitions::default(), 0)?);
        self.trees = Trees { server, plain, known: RwLock::default() };
        Ok(())
    }

    /// The resource types of the tree under `root`. A change by another process is seen within [`LOOK_EVERY`].
    pub async fn schemas(&self, root: OrgId) -> Result<Arc<Schemas>, Error> {
        let now = self.now();
        let is_recent = |known: &Known| now < Timestamp(known.looked.load(Ordering::Relaxed)) + LOOK_EVERY;
        if let Some(schemas) = self.trees.get(root, is_recent) {
            return Ok(schemas);
        }
        let epoch = self.store.schema_epoch(root).await?;
        let is_same = |known: &Known| {
            known.looked.store(now.0, Ordering::Relaxed);
            known.schemas.epoch() == epoch
        };
        if let Some(schemas) = self.trees.get(root, is_same) {
            return Ok(schemas);
        }
        let schemas = if epoch == 0 { self.trees.plain.clone() } else { self.tree(root).await?.1 };
        self.trees.put(root, &schemas, now);
        Ok(schemas)
    }

    async fn tree(&self, root: OrgId) -> Result<(Definitions, Arc<Schemas>), Error> {
        let defined = self.store.definitions(root).await?;
        let mut tree = Definitions::default();
        let broken = |error: String| store::Error::Engine(format!("the schemas of the tree {root}: {error}").into());
        for text in defined.schemas.iter().chain(&defined.types) {
            let value: Value = serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
            tree.read(value).map_err(|error| broken(error.detail))?;
        }
        let schemas = Schemas::with(&self.trees.server, &tree, defined.epoch).map_err(|error| broken(error.detail))?;
        Ok((tree, Arc::new(schemas)))
    }

    /// Whether every tree's own definitions agree with those of the configuration; an error names the tree.
    pub async fn schemas_check(&self) -> Result<(), Error> {
        for org in self.store.orgs().await?.iter().filter(|org| org.parent.is_none()) {
            self.tree(org.id).await?;
        }
        Ok(())
    }

    /// The schemas that the tree defines itself; what else it has is at `/Schemas`.
    pub async fn schema_list(&self, who: &Principal) -> Result<Value, Error> {
        who.require(Scope::SchemasRead)?;
        let (tree, _) = self.tree(who.org.root).await?;
        Ok(list(tree.schemas.iter().map(|schema| json!(schema)).collect()))
    }

    /// One of them.
    pub async fn schema_get(&self, who: &Principal, urn: &str) -> Result<Value, Error> {
        who.require(Scope::SchemasRead)?;
        let (tree, _) = self.tree(who.org.root).await?;
        let found = tree.schemas.iter().find(|schema| schema.id.eq_ignore_ascii_case(urn));
        Ok(json!(found.ok_or_else(scim::Error::not_found)?))
    }

    /// The schema `urn` becomes what `body` says. 409 where what is stored would contradict it.
    pub async fn schema_put(&self, who: &Principal, urn: &str, body: Map<String, Value>) -> Result<Value, Error> {
        self.redefine(who, |facts| definitions::schema_put(facts, urn, body.clone())).await?;
        self.schema_shown(who, urn).await
    }

    /// The schema `urn` goes. 409 while a resource type has it.
    pub async fn schema_delete(&self, who: &Principal, urn: &str) -> Result<(), Error> {
        self.redefine(who, |facts| definitions::schema_delete(facts, urn)).await
    }

    /// The resource types that the tree defines, and what it attached to users and groups.
    pub async fn type_list(&self, who: &Principal) -> Result<Value, Error> {
        who.require(Scope::SchemasRead)?;
        let (tree, _) = self.tree(who.org.root).await?;
        Ok(list(tree.types.iter().map(|one| one.body()).collect()))
    }

    /// One of them.
    pub async fn type_get(&self, who: &Principal, name: &str) -> Result<Value, Error> {
        who.require(Scope::SchemasRead)?;
        self.type_shown(who, name).await
    }

    /// The resource type `name` becomes what `body` says; of `User` and `Group`, its extensions. 409 where what is stored would
    /// contradict it.
    pub async fn type_put(&self, who: &Principal, name: &str, body: Map<String, Value>) -> Result<Value, Error> {
        self.redefine(who, |facts| definitions::type_put(facts, name, body.clone())).await?;
        self.type_shown(who, name).await
    }

    /// The resource type `name` goes; of `User` and `Group`, what the tree attached. 409 while there are resources of it.
    pub async fn type_delete(&self, who: &Principal, name: &str) -> Result<(), Error> {
        self.redefine(who, |facts| definitions::type_delete(facts, name)).await
    }

    async fn schema_shown(&self, who: &Principal, urn: &str) -> Result<Value, Error> {
        let (tree, _) = self.tree(who.org.root).await?;
        let found = tree.schemas.iter().find(|schema| schema.id.eq_ignore_ascii_case(urn));
        Ok(json!(found.ok_or_else(scim::Error::not_found)?))
    }

    async fn type_shown(&self, who: &Principal, name: &str) -> Result<Value, Error> {
        let (tree, _) = self.tree(who.org.root).await?;
        let found = tree.types.iter().find(|one| one.name.eq_ignore_ascii_case(name));
        Ok(found.ok_or_else(scim::Error::not_found)?.body())
    }

    /// Only the root org speaks for its tree.
    async fn redefine(&self, who: &Principal, decide: impl Fn(Facts<'_>) -> Result<Change, scim::Error>) -> Result<(), Error> {
        who.require(Scope::SchemasWrite)?;
        let root = who.org.root;
        if who.org.id != root {
            return Err(scim::Error::status(403, "only the root organization of a tree changes its schemas").into());
        }
        let (tree, schemas) = self.tree(root).await?;
        let change = decide(Facts { root, server: &self.trees.server, tree: &tree, schemas: &schemas })?;
        let written = self.commit_one(who, change).await;
        self.trees.forget(root);
        written?;
        Ok(())
    }

    /// What is committed with `change`, before it: the unique values that its document claims (S-29), and that the schemas by which
    /// it was decided still hold.
    pub(super) fn besides(&self, who: &Principal, change: &store::Change) -> Vec<store::Change> {
        use crate::directory::Change::{
            GroupChanged, GroupCreated, ResourceCreated, ResourceReplaced, UserCreated, UserReplaced, ValuesClaimed,
        };
        let store::Change::Directory(change) = change else { return vec![] };
        let (kind, owner, doc) = match change {
            UserCreated { id, doc, .. } | UserReplaced { id, doc, .. } => (Kind::User, id.0, doc),
            GroupCreated { id, doc, .. } | GroupChanged { id, doc: Some(doc), .. } => (Kind::Group, id.0, doc),
            ResourceCreated { type_id, id, doc, .. } | ResourceReplaced { type_id, id, doc, .. } => {
                (Kind::Custom(*type_id), *id, doc)
            }
            _ => return vec![],
        };
        let mut besides: Vec<store::Change> = Vec::new();
        let epoch = who.schemas.epoch();
        besides.push(Change::Unchanged { root: who.org.root, epoch }.into());
        if let Some(resource_type) = who.schemas.get(kind).filter(|resource_type| resource_type.is_claiming()) {
            let doc: Map<String, Value> = serde_json::from_str(doc).unwrap_or_default();
            besides.push(ValuesClaimed { org: who.org.id, owner, claims: resource_type.claims(&doc) }.into());
        }
        besides
    }

    /// Has the schemas of the caller's tree looked up anew, if they have turned out to be old.
    pub(super) fn note_schemas(&self, who: &Principal, error: &store::Error) {
        if matches!(error, store::Error::SchemasChanged) {
            self.trees.forget(who.org.root);
        }
    }
}

fn list(resources: Vec<Value>) -> Value {
    json!({
        "schemas": [urn::LIST_RESPONSE], "totalResults": resources.len(), "startIndex": 1, "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}
