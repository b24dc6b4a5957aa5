//! Venues: where orders go.

pub mod paper;
