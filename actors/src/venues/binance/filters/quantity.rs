//! Filters of quantities: LOT_SIZE and MARKET_LOT_SIZE.

use messages::Quantity;
use messages::risk::Refusal;
use serde::{Deserialize, Serialize};

use super::super::terms::refuse;

/// A zero switches its part off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    pub min: Quantity,
    pub max: Quantity,
    pub step: Quantity,
}

impl Lot {
    pub fn check(&self, name: &str, code: &'static str, quantity: Quantity) -> Result<(), Refusal> {
        let problem = if !quantity.is_positive() {
            "not positive".to_owned()
        } else if quantity < self.min {
            format!("below {}", self.min)
        } else if self.max.is_positive() && quantity > self.max {
            format!("above {}", self.max)
        } else if !quantity.is_multiple_of(self.step) {
            format!("no multiple of {}", self.step)
        } else {
            return Ok(());
        };
        refuse(code, format!("{name}: quantity {quantity} is {problem}"))
    }
}
