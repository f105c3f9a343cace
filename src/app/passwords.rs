//! Passwords, off the threads that serve and never many at once.

use std::sync::Arc;

use super::{App, Error};
use crate::base::Secret;
use crate::directory::password;

impl App {
    /// The Argon2id hash of `password`, under a fresh salt.
    pub async fn password_hash(&self, password: Secret<String>) -> Result<String, Error> {
        let mut salt = [0; 16];
        self.random.fill(&mut salt);
        self.hashing(move || password::hash(&password, salt)).await
    }

    /// Whether `password` is the one behind `hash`.
    pub async fn password_verify(&self, password: Secret<String>, hash: String) -> Result<bool, Error> {
        self.hashing(move || password::verify(&password, &hash)).await
    }

    /// The permit travels with the work: a caller who hangs up frees no memory.
    async fn hashing<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let task = Error::Task("the hash of a password");
        let Ok(permit) = Arc::clone(&self.hashing).acquire_owned().await else { return Err(task) };
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.map_err(|_| task)
    }
}
