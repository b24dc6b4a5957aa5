//! A request as Alpaca reads it.

use messages::Symbol;

use crate::feeds::alpaca::settings::Channel;

/// `action` for each of the symbols in each of the channels.
pub fn request(action: &str, channels: &[Channel], symbols: &[Symbol]) -> String {
    let symbols: Vec<&str> = symbols.iter().map(Symbol::as_str).collect();
    let mut request = serde_json::Map::new();
    request.insert("action".to_owned(), action.into());
    for channel in channels {
        request.insert(channel.name().to_owned(), symbols.clone().into());
    }
    serde_json::Value::Object(request).to_string()
}
