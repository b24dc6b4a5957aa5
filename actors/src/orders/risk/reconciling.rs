//! While our books are not held against the venue's nothing new leaves; while something still differs, only what reduces.

use messages::risk::Refusal;

use super::{Context, refuse};

/// What new orders wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// The venue's answer, since it was reached.
    Books,
    /// A person who accepts what still differs.
    Accept,
}

pub(super) fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let text = match c.waits {
        None => return Ok(()),
        Some(Waits::Books) => {
            "our books are being held against the venue's; `merganser reconcile --show` tells how far that is"
        }
        Some(Waits::Accept) if c.reduces() => return Ok(()),
        Some(Waits::Accept) => {
            "our books differ from the venue's; `merganser reconcile --show` tells in what, and `merganser reconcile --accept --why …` takes them as they are"
        }
    };
    refuse("risk.reconciling", text.to_owned())
}
