//! The strategies that come with Merganser: honest examples, not advice.

pub mod bollinger_reversion;
pub mod ema_cross;
pub mod market_maker;

use messages::Quantity;

/// Reads a saved state that is one serde value; nothing saved is nothing known.
fn read<T: serde::de::DeserializeOwned + Default>(state: &[u8]) -> Result<T, String> {
    if state.is_empty() { Ok(T::default()) } else { serde_json::from_slice(state).map_err(|e| e.to_string()) }
}

fn write<T: serde::Serialize>(state: &T) -> Vec<u8> {
    serde_json::to_vec(state).unwrap_or_default()
}

/// The order that takes a position from `held` to `wanted`: how much, and whether it buys.
fn step(held: Quantity, wanted: Quantity) -> Option<(messages::orders::Side, Quantity)> {
    let change = wanted.checked_sub(held)?;
    let side = if change.is_negative() { messages::orders::Side::Sell } else { messages::orders::Side::Buy };
    (!change.is_zero()).then(|| (side, change.abs()))
}

#[cfg(test)]
mod tests;
