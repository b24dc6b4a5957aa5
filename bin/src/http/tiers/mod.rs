//! History's tiers: what stands where, what moves, and backups.

pub mod archive;
pub mod backup;

use utoipa_actix_web::service_config::ServiceConfig;

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.configure(archive::routes).configure(backup::routes);
}
