//! The cases that need no interruption, by the parts of an order's life. Each says what it ends with.

use std::time::Duration;

pub mod bracket;
pub mod cancel;
pub mod deny;
pub mod expire;
pub mod fill;
pub mod place;
pub mod reject;
pub mod replace;
pub mod trigger;
pub mod unclear;

/// How long a message is late that comes too late.
const LATE: Duration = Duration::from_millis(400);
