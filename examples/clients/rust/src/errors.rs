//! What calls fail with, and what to do about it.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::sleep;
use tonic::{Code, Status};
use tonic_types::{ErrorInfo, StatusExt};

// docs:begin refusal
/// The entry of the error catalogue that is the server's reason; none if the error is not the
/// server's, as when the connection was lost. Domain and reason are text on the wire, and compared
/// as text: the generated enum's names have a prefix, and its numbers are never sent.
pub fn refusal(status: &Status) -> Option<ErrorInfo> {
    status.get_details_error_info()
}

/// The same, if it is the given one.
pub fn refused_for(status: &Status, domain: &str, reason: &str) -> Option<ErrorInfo> {
    refusal(status).filter(|info| info.domain == domain && info.reason == reason)
}
// docs:end refusal

/// An error as text for people: what the server refused and why, or what else failed.
pub fn describe(status: &Status) -> String {
    match refusal(status) {
        Some(info) => format!("{} {}: {}", info.domain, info.reason, status.message()),
        None => format!("{:?}: {}", status.code(), status.message()),
    }
}

/// Counts how often a call or a stream failed because its connection was lost.
#[derive(Default)]
pub struct LostConnections(Cell<u64>);

impl LostConnections {
    pub fn count(&self) -> u64 {
        self.0.get()
    }

    fn note(&self, status: &Status) {
        if is_lost(status) {
            self.0.set(self.0.get() + 1);
        }
    }
}

// docs:begin backoff
/// Makes attempts until one succeeds, or fails with an error that a retry cannot fix.
pub async fn retried<T>(
    lost: &LostConnections,
    mut attempt: impl AsyncFnMut(&mut Pause) -> Result<T, Status>,
) -> Result<T, Status> {
    let mut pause = Pause::default();
    loop {
        let failed = match attempt(&mut pause).await {
            Ok(done) => return Ok(done),
            Err(status) => status,
        };
        let Some(at_least) = passes(&failed) else {
            return Err(failed);
        };
        lost.note(&failed);
        pause.pass(at_least).await;
    }
}
// docs:end backoff

// docs:begin retry
/// How long to wait at least before a retry; none if a retry will not help.
fn passes(status: &Status) -> Option<Duration> {
    if let Some(delay) = status.get_details_retry_info().and_then(|info| info.retry_delay) {
        return Some(delay);
    }
    let passing = match status.code() {
        Code::DeadlineExceeded => true,
        // Not VERSION_CONFLICT: that needs another decision, not another attempt.
        Code::Aborted => refused_for(status, "foldlog.v1", "CONTENDED").is_some(),
        _ => is_lost(status), // the server's own errors have a RetryInfo if a retry helps
    };
    passing.then_some(Duration::ZERO)
}

/// tonic has UNAVAILABLE for a connection that cannot be made, UNKNOWN for one that is lost under a
/// call or a stream ("transport error", "h2 protocol error"), and CANCELLED for one that is lost
/// before the call was sent, and for a deadline that passes on our side. A Foldlog server's own
/// errors have an ErrorInfo.
fn is_lost(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled)
        && refusal(status).is_none()
}
// docs:end retry

/// How long to wait before the next attempt: 50 ms at first, longer each time, 2 s at most.
pub struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(Self::SHORTEST)
    }
}

impl Pause {
    const SHORTEST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(2);

    /// Call it after progress: the next pause is a short one again.
    pub fn reset(&mut self) {
        self.0 = Self::SHORTEST;
    }

    async fn pass(&mut self, at_least: Duration) {
        // A random part, so that clients of one server do not all return at the same moment.
        let pause = self.0.mul_f64(0.5 + fastrand::f64() / 2.0);
        sleep(pause.max(at_least)).await;
        self.0 = (self.0 * 2).min(Self::LONGEST);
    }
}
