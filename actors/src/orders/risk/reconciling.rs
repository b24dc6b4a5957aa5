//! While our books are not held against the venue's nothing new leaves; while something still differs, or the venue does not say
//! what it holds, only what reduces.

use messages::risk::Refusal;

use super::{Context, refuse};

/// What new orders wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// The venue's answer, since it was reached, for as long as one may take.
    Books,
    /// A person who accepts what still differs, or that the venue does not answer.
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
            "our books differ from the venue's, or it does not say what it holds; `merganser reconcile --show` tells more, and `merganser reconcile --accept --why …` takes them as they are"
        }
    };
    refuse("risk.reconciling", text.to_owned())
}
