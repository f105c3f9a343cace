//! Randomness as a parameter: ids and key material come from here and nowhere else.

use uuid::Uuid;

use super::Timestamp;

/// Where randomness comes from.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes` with unpredictable ones.
    fn fill(&self, bytes: &mut [u8]);

    /// A fresh UUID v7 (RFC 9562 §5.7): sorted by time of birth, 74 bits of chance.
    fn uuid(&self, now: Timestamp) -> Uuid {
        let mut chance = [0; 10];
        self.fill(&mut chance);
        uuid::Builder::from_unix_timestamp_millis(now.0.max(0).unsigned_abs(), &chance).into_uuid()
    }
}

/// The operating system's generator.
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives randomness or nothing here is safe");
    }
}

/// A counter dressed as randomness, for tests that compare whole replies.
#[derive(Default)]
pub struct CountingRandom(std::sync::atomic::AtomicU64);

impl Random for CountingRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
        bytes.fill(0);
        for (byte, value) in bytes.iter_mut().rev().zip(count.to_le_bytes()) {
            *byte = value;
        }
    }
}
