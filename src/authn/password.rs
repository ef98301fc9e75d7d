//! Passwords: argon2id (RFC 9106) with OWASP's parameters, 19 MiB, two passes, one lane.
//!
//! Hashing runs on threads of its own: as many as there are cores, so that memory is bounded, and of a lower priority
//! than those that answer requests, which need a thousandth of the time. A bounded queue stands before them; what does
//! not fit is told to come again. Work that a thread has begun is finished, whether its client waits or not: nobody
//! frees a place that is still in use.

use std::{
    num::NonZero,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use subtle::ConstantTimeEq;
use tokio::sync::oneshot;

use crate::{
    clock::Random,
    config::Limits,
    error::{Error, Result},
    secret::Secret,
};

const SALT_BYTES: usize = 16;

/// What a hash costs, in one lane.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
}

impl Cost {
    /// OWASP's recommendation (Password Storage Cheat Sheet), which Kedge serves with.
    pub const OWASP: Self = Self { memory_kib: 19 * 1024, passes: 2 };
}

/// How much may be hashed.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// As many at once as this; `None`: as there are cores.
    pub at_once: Option<NonZero<usize>>,
    /// As many more wait as this.
    pub waiting: usize,
}

impl Places {
    /// For a command, which hashes one password.
    pub const ALONE: Self = Self { at_once: Some(NonZero::<usize>::MIN), waiting: 1 };
}

impl From<&Limits> for Places {
    fn from(limits: &Limits) -> Self {
        let at_once = limits.hashes_at_once.and_then(|at_once| NonZero::new(at_once as usize));
        Self { at_once, waiting: limits.hashes_waiting as usize }
    }
}

/// How much lower than usual the priority of a thread that hashes is (`nice`).
const NICENESS: i32 = 10;

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// The memory that a thread hashes in, kept from one password to the next: an allocator would ask the system for it
/// anew each time, or hold one for each thread that ever had one.
#[derive(Default)]
struct Memory(Vec<Block>);

impl Memory {
    fn blocks(&mut self, params: &Params) -> &mut [Block] {
        if self.0.len() < params.block_count() {
            self.0.resize(params.block_count(), Block::default());
        }
        self.0.get_mut(..params.block_count()).unwrap_or_default()
    }
}

/// Hashes and compares.
#[derive(Debug)]
pub struct Hasher {
    jobs: SyncSender<Job>,
    waiting: Arc<AtomicUsize>,
    random: Arc<Random>,
    cost: Cost,
    /// The hash of no password: compared where there is none, so that it costs the same.
    nobody: String,
}

/// What came of a comparison.
#[derive(Debug)]
pub struct Verdict {
    pub is_right: bool,
    /// A hash by today's parameters, where the stored one is weaker and the password was right.
    pub rehashed: Option<String>,
}

/// Why a hasher could not be made, or a hash not be computed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    #[error("argon2: {0}")]
    Parameters(#[from] argon2::Error),
    #[error("argon2: {0}")]
    Hash(#[from] argon2::password_hash::Error),
    #[error("a thread for hashing passwords cannot be started: {0}")]
    Thread(#[from] std::io::Error),
    #[error("a stored password hash cannot be read: {0}")]
    Stored(argon2::password_hash::phc::Error),
    #[error("a stored password hash is not argon2id's, version 19")]
    Foreign,
}

impl Hasher {
    /// A hasher with its threads, which end with it.
    ///
    /// # Errors
    /// Where argon2 refuses its parameters, or no thread can be started.
    pub fn new(random: Arc<Random>, cost: Cost, places: Places) -> Result<Self, HashError> {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        let (jobs, queue) = sync_channel(places.waiting);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..places.at_once.map_or_else(cores, NonZero::get) {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new().name("kedge-hash".to_owned()).spawn(move || run(&queue))?;
        }
        let unknowable = Secret::new(random.alphanumeric(43));
        let nobody = hash(&mut Memory::default(), &unknowable, &random.bytes::<SALT_BYTES>(), cost)?;
        Ok(Self { jobs, waiting: Arc::default(), random, cost, nobody })
    }

    /// How many passwords wait for a thread.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// The hash of a password, as a PHC string.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where too many wait to be hashed.
    pub async fn hash(&self, password: Secret) -> Result<String> {
        let (salt, cost) = (self.random.bytes::<SALT_BYTES>(), self.cost);
        self.work(move |memory| hash(memory, &password, &salt, cost)).await
    }

    /// Compares `password` with the stored hash; without one, with nobody's.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where too many wait to be hashed; where the stored hash is not one.
    pub async fn verify(&self, password: Secret, phc: Option<String>) -> Result<Verdict> {
        let phc = phc.unwrap_or_else(|| self.nobody.clone());
        let (salt, cost) = (self.random.bytes::<SALT_BYTES>(), self.cost);
        self.work(move |memory| verify(memory, &password, &phc, &salt, cost)).await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T> {
        let (tell, told) = oneshot::channel();
        let waiting = Arc::clone(&self.waiting);
        let job = move |memory: &mut Memory| {
            waiting.fetch_sub(1, Ordering::Relaxed);
            // Who hung up while the work waited for its turn has no use for it.
            if !tell.is_closed() {
                drop(tell.send(work(memory)));
            }
        };
        self.waiting.fetch_add(1, Ordering::Relaxed);
        if self.jobs.try_send(Box::new(job)).is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::Unavailable("too many passwords are being checked"));
        }
        told.await.map_err(Error::internal)?.map_err(Error::internal)
    }
}

/// A thread's life: one job after the other, until the hasher is gone.
fn run(queue: &Mutex<Receiver<Job>>) {
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::warn!(error = &error as &dyn std::error::Error, "hashing runs with the usual priority");
    }
    let mut memory = Memory::default();
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // A job that panics tells nobody, and whoever waits for it gets a 500; the thread lives on.
        drop(std::panic::catch_unwind(AssertUnwindSafe(|| job(&mut memory))));
    }
}

fn argon2id(params: Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[expect(clippy::disallowed_methods, reason = "the password is hashed")]
fn hash(memory: &mut Memory, password: &Secret, salt: &[u8], cost: Cost) -> Result<String, HashError> {
    let params = Params::new(cost.memory_kib, cost.passes, 1, None)?;
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    let (text, salt) = (ParamsString::try_from(&params)?, Salt::new(salt).map_err(HashError::Stored)?);
    let blocks = memory.blocks(&params);
    argon2id(params).hash_password_into_with_memory(password.reveal().as_bytes(), &salt, &mut output, blocks)?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: text,
        salt: Some(salt),
        hash: Some(Output::new(&output).map_err(HashError::Stored)?),
    };
    Ok(hash.to_string())
}

#[expect(clippy::disallowed_methods, reason = "the password is compared")]
fn verify(memory: &mut Memory, password: &Secret, phc: &str, salt: &[u8], cost: Cost) -> Result<Verdict, HashError> {
    let stored = PasswordHash::new(phc).map_err(HashError::Stored)?;
    let (Some(stored_salt), Some(expected)) = (&stored.salt, &stored.hash) else { return Err(HashError::Foreign) };
    if stored.algorithm != Algorithm::Argon2id.ident() || stored.version != Some(Version::V0x13.into()) {
        return Err(HashError::Foreign);
    }
    let params = Params::try_from(&stored)?;
    let mut output = vec![0; expected.len()];
    let blocks = memory.blocks(&params);
    argon2id(params).hash_password_into_with_memory(password.reveal().as_bytes(), stored_salt, &mut output, blocks)?;
    let is_right = bool::from(output.ct_eq(expected.as_ref()));
    let rehashed = if is_right && is_weaker(&stored, cost) { Some(hash(memory, password, salt, cost)?) } else { None };
    Ok(Verdict { is_right, rehashed })
}

fn is_weaker(stored: &PasswordHash, cost: Cost) -> bool {
    let Ok(params) = Params::try_from(stored) else { return true };
    params.m_cost() < cost.memory_kib || params.t_cost() < cost.passes
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordHasher;

    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn right_password_is_told_from_a_wrong_one() {
        let memory = &mut Memory::default();
        let phc = hash(memory, &secret("correct horse"), &[7; 16], Cost::OWASP).unwrap();
        assert!(verify(memory, &secret("correct horse"), &phc, &[0; 16], Cost::OWASP).unwrap().is_right);
        assert!(!verify(memory, &secret("correct horsf"), &phc, &[0; 16], Cost::OWASP).unwrap().is_right);
    }

    #[test]
    fn weaker_hash_is_replaced_when_its_password_is_seen() {
        let memory = &mut Memory::default();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).unwrap());
        let phc = weak.hash_password_with_salt(b"correct horse", &[7; 16]).unwrap().to_string();
        let rehashed = verify(memory, &secret("correct horse"), &phc, &[9; 16], Cost::OWASP).unwrap().rehashed.unwrap();
        assert!(rehashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify(memory, &secret("correct horse"), &rehashed, &[0; 16], Cost::OWASP).unwrap().rehashed.is_none());
        assert!(verify(memory, &secret("wrong"), &phc, &[9; 16], Cost::OWASP).unwrap().rehashed.is_none());
    }
}
