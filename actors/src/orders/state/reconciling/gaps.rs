//! What a gap may be, before it is entered: a fill of an ended order that the venue's list has late, or that an answer still owes.
//! Entered under `manual`, it would stay there, for the list begins behind it one day, and count twice once it is heard of.

use super::*;

impl Orders {
    /// Which ended orders are asked about before gaps are entered: those that they may be of. What was asked about enough and
    /// still owes its answer is left to its time, and so are the gaps. Costs nothing where there are none.
    pub(super) fn questions_of_gaps(&mut self, run: &mut Run, gaps: &[Gap]) -> BTreeSet<OrderId> {
        if gaps.is_empty() {
            return BTreeSet::new();
        }
        let left_since = self.reconciling.take_left_to_list();
        let in_doubt = self.ended_in_doubt(left_since).filter(|order| self.may_be_of(order.request.instrument, gaps));
        let (mut questions, mut owed) = (BTreeSet::new(), BTreeSet::new());
        for id in in_doubt.map(|order| order.order_id) {
            if questions.contains(&id) || run.may_ask(id) {
                questions.insert(id);
            } else if self.asked.contains(&id) {
                owed.insert(id);
            }
        }
        run.in_flight.extend(owed);
        questions
    }

    /// True where a fill in an instrument may be one of these gaps.
    fn may_be_of(&self, instrument: Instrument, gaps: &[Gap]) -> bool {
        let rules = self.settings.rules.get(&instrument);
        gaps.iter().any(|gap| match gap {
            Gap::Position { instrument: other, .. } => *other == instrument,
            Gap::Balance { asset, .. } => rules.is_none_or(|rules| [rules.base, rules.quote].contains(asset)),
        })
    }
}
