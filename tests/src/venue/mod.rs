//! The testkit's venue: an exchange in the test's own process, behind a local socket. It outlives a killed
//! runtime, and its own books are the witness.
//!
//! One line of JSON each way: a [`messages::venues::VenueRequest`] to the venue, a
//! [`messages::venues::VenueReport`] back. What happens while nobody is connected is reported to nobody, and told
//! when it is asked for.

pub mod books;
pub mod connector;
pub mod server;
