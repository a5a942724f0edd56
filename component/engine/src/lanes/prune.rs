//! Builds the lanes of a part of the history.

use super::{Lanes, PeerNumber};
use crate::sort;
use std::collections::BTreeMap;

impl Lanes {
    /// Returns the lanes of a version that has the first `counts[lane]` events of each lane, and
    /// their numbers by the present lane. If only one branch of a fork is in the version, it
    /// continues the lane below the fork. O(lanes × log n).
    pub(crate) fn up_to(&self, counts: &[u32]) -> (Self, Vec<PeerNumber>) {
        let mut lanes = Self::default();
        let mut numbers = vec![PeerNumber(u32::MAX); self.len()];
        // The lane that continues another one at its end.
        let mut continued: BTreeMap<_, PeerNumber> = BTreeMap::new();
        let mut order: Vec<PeerNumber> = self.all().collect();
        sort::sort_by_key(&mut order, |&lane| (self.depth(lane), lane));
        for lane in order {
            let start = self.start(lane);
            if counts[lane.index()] <= start.0 {
                continue;
            }
            let Some(parent) = self.parent(lane) else {
                numbers[lane.index()] = lanes.add_author(self.author_name(lane));
                continue;
            };
            let place = (parent, start);
            let beside = if counts[parent.index()] > start.0 { Some(parent) } else { continued.get(&place).copied() };
            let first = self.start_at(lane, start);
            numbers[lane.index()] = match (beside, first) {
                (Some(beside), Some(first)) => {
                    let parent = if start.0 == 0 { numbers[beside.index()] } else { numbers[parent.index()] };
                    lanes.add_lane(parent, start, first, self.start_at(beside, start))
                }
                _ => {
                    continued.insert(place, lane);
                    if start.0 == 0 { lanes.add_author(self.author_name(lane)) } else { numbers[parent.index()] }
                }
            };
        }
        (lanes, numbers)
    }
}
