//! Questions over every tier.
