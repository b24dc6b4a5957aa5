//! One value per instrument, quick where ticks are: the instrument asked for last is found at once, for
//! ticks of one instrument come in runs; any other is found by search.
//!
//! Invariant: values are sorted by instrument, one each.

use messages::Instrument;

/// One value per instrument.
#[derive(Debug, Clone)]
pub struct ByInstrument<T> {
    values: Vec<(Instrument, T)>,
    /// The place of the last value that was changed.
    recent: usize,
}

impl<T> Default for ByInstrument<T> {
    fn default() -> Self {
        Self { values: Vec::new(), recent: 0 }
    }
}

impl<T> ByInstrument<T> {
    /// The value of an instrument.
    #[must_use]
    pub fn get(&self, instrument: Instrument) -> Option<&T> {
        self.find(instrument).ok().map(|at| &self.values[at].1)
    }

    /// The value of an instrument, to be changed.
    pub fn get_mut(&mut self, instrument: Instrument) -> Option<&mut T> {
        self.recent = self.find(instrument).ok()?;
        Some(&mut self.values[self.recent].1)
    }

    /// The value of an instrument; the default one when it is new.
    pub fn get_or_default(&mut self, instrument: Instrument) -> &mut T
    where
        T: Default,
    {
        if !self.is_recent(instrument) {
            self.recent = self.find(instrument).unwrap_or_else(|place| {
                self.values.insert(place, (instrument, T::default()));
                place
            });
        }
        &mut self.values[self.recent].1
    }

    fn is_recent(&self, instrument: Instrument) -> bool {
        self.values.get(self.recent).is_some_and(|(last, _)| *last == instrument)
    }

    /// Where the instrument is, or where it would be.
    fn find(&self, instrument: Instrument) -> Result<usize, usize> {
        if self.is_recent(instrument) {
            return Ok(self.recent);
        }
        self.values.binary_search_by_key(&instrument, |(known, _)| *known)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use messages::Exchange;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(steps in proptest::collection::vec((0u8..12, any::<Option<u32>>()), 0..60)) {
            let (mut ours, mut model) = (ByInstrument::<u32>::default(), BTreeMap::new());
            for (name, value) in steps {
                let instrument =
                    Instrument { exchange: Exchange::Simulated, symbol: format!("S{name}").parse().unwrap() };
                if let Some(value) = value {
                    *ours.get_or_default(instrument) = value;
                    model.insert(instrument, value);
                }
                prop_assert_eq!(ours.get(instrument), model.get(&instrument));
                prop_assert_eq!(ours.get_mut(instrument), model.get_mut(&instrument));
            }
        }
    }
}
