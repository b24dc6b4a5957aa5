//! Where exactly a venue's orders go, and whether that is money.
//!
//! Money needs three things that agree: `profile = "live"`, `confirm = "live"`, and an account whose name ends with `-live`, so that
//! neither a copied file nor a forgotten line trades with it. It goes to the venue's own address and to no other.

use messages::Account;

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
