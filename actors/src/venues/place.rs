//! Where exactly a venue's orders go, and whether that is money.
//!
//! Money needs three things that agree: `profile = "live"`, `confirm = "live"`, and an account whose name ends with `-live`, so that
//! neither a copied file nor a forgotten line trades with it. It goes to the venue's own address and to no other, and nothing else
//! goes there: an address of real money in another profile would move it without a word.

use messages::Account;
use reqwest::Url;

/// The word that live trading asks for, and the end of its account's name.
const LIVE: &str = "live";

/// Where orders go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which of the venue's worlds, as `venues.parameters.profile` has it.
    pub profile: &'static str,
    /// Whether orders there move money.
    pub is_live: bool,
}

impl Place {
    /// The place, where it is reached at these addresses. `moves_money` knows the hosts of the venue at which orders do.
    ///
    /// # Errors
    /// An address leads to money, and the place says that there is none; its host, and what was expected.
    pub fn reached_at(self, addresses: [&str; 2], moves_money: impl Fn(&str) -> bool) -> Result<Self, String> {
        let of_money = addresses.into_iter().filter_map(host).find(|host| moves_money(host));
        match of_money.filter(|_| !self.is_live) {
            Some(host) => Err(format!(
                "profile = \"{}\" with an address at {host}, where orders move money; leave out the address, or give profile = \
                 \"{LIVE}\" and what it asks for",
                self.profile
            )),
            None => Ok(self),
        }
    }
}

/// The host of an address, in small letters; `None` for what is no address and reaches nothing.
fn host(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    Some(url.host_str()?.trim_end_matches('.').to_owned())
}

/// What a venue's parameters say of the place.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The place.
    pub place: Place,
    /// `confirm`.
    pub confirm: &'a str,
    /// Whose orders.
    pub account: Account,
    /// Whether an address of somebody else is given.
    pub is_elsewhere: bool,
}

impl Said<'_> {
    /// The place, where all that is said of it agrees.
    ///
    /// # Errors
    /// It does not; the key, its value and what was expected.
    pub fn place(self) -> Result<Place, String> {
        let Self { place, confirm, account, is_elsewhere } = self;
        let profile = place.profile;
        if place.is_live && confirm != LIVE {
            return Err(format!(
                "profile = \"{profile}\" trades with money and needs confirm = \"{LIVE}\"; confirm is \"{confirm}\". Give it, or leave \
                 out profile"
            ));
        }
        if place.is_live && is_elsewhere {
            return Err(format!("profile = \"{profile}\" goes to the venue's own addresses; leave out the others"));
        }
        let says_live = account.as_str().rsplit('-').next() == Some(LIVE);
        if place.is_live != says_live {
            let expected =
                if place.is_live { "a name that ends with -live" } else { "a name that does not end with -live" };
            return Err(format!("account = \"{account}\" with profile = \"{profile}\"; expected {expected}"));
        }
        Ok(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_money_is_for_live_alone_however_it_is_written() {
        let (test, live) = (Place { profile: "test", is_live: false }, Place { profile: "live", is_live: true });
        let at =
            |place: Place, address| place.reached_at(["wss://test.exchange/ws", address], |host| host == "exchange");
        for address in
            ["https://exchange", "wss://exchange:9443/ws", "wss://EXCHANGE./ws", "https://me:you@exchange/?x"]
        {
            let why = at(test, address).unwrap_err();
            assert!(why.contains("at exchange,") && !why.contains("you"), "{address}: {why}");
            assert_eq!(at(live, address), Ok(live));
        }
        for address in ["https://test.exchange", "https://exchange.test", "https://test/exchange", "no address"] {
            assert_eq!(at(test, address), Ok(test), "{address}");
        }
    }
}
