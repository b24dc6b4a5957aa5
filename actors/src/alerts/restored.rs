//! The alerts that the ledger says are open: what a start goes on from.

use std::collections::BTreeMap;

use messages::alerts::{Acknowledgement, Alert, AlertId};
use messages::ledger::Action;
use serde::{Deserialize, Serialize};

/// Alerts that were opened and not closed, folded from the actions of a ledger.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenAlerts(BTreeMap<AlertId, Alert>);

impl OpenAlerts {
    /// Takes what an action says, if it is about an alert.
    pub fn take(&mut self, action: &Action) {
        let Ok(alert_id) = action.subject.parse::<AlertId>() else { return };
        match action.what.as_str() {
            "alert.opened" => {
                let alert = Alert {
                    severity: alert_id.rule.severity(),
                    text: action.why.clone(),
                    opened_at: action.at,
                    closed_at: None,
                    acknowledged: None,
                    alert_id: alert_id.clone(),
                };
                self.0.insert(alert_id, alert);
            }
            "alert.closed" => drop(self.0.remove(&alert_id)),
            "alert.acknowledged" => {
                if let Some(alert) = self.0.get_mut(&alert_id) {
                    let Action { by, why, at, .. } = action.clone();
                    alert.acknowledged = Some(Acknowledgement { by, why, at });
                }
            }
            _ => {}
        }
    }

    /// Them, by rule and subject.
    #[must_use]
    pub fn into_vec(self) -> Vec<Alert> {
        self.0.into_values().collect()
    }
}
