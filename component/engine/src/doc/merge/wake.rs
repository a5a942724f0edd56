//! Lets waiting events take effect after a local commit.

use super::plan::Planner;
use crate::doc::Doc;
use crate::doc::waiting::Waiter;
use crate::id::{EventKey, EventNumber};
impl Doc {
    /// Lets the events take effect that waited for this one.
    pub(in crate::doc) fn wake(&mut self, event: EventNumber) {
        let (lane, counter, _) = self.graph.describe(event);
        let author = self.lanes.author_name(lane).clone();
        if self.waiting.counters_in(&author, counter.0, counter.0 + 1).next().is_none() {
            return;
        }
        let known = EventKey::new(counter.0, self.print(event));
        self.waiting.remove(&author, known);
        let waiters: Vec<Waiter> = self.waiting.waiters(&author, known).cloned().collect();
        self.waiting.forget_needed(&author, known);
        if waiters.is_empty() {
            return;
        }
        self.take_waiters(waiters);
    }

    /// Lets waiting events take effect. Events that break a rule are dropped. If there is not
    /// enough memory, all of them are dropped, and arrive again with a later exchange.
    fn take_waiters(&mut self, waiters: Vec<Waiter>) {
        let lanes = self.lanes.len();
        let (mark, graph_runs, len) = (self.graph.mark(), self.graph.run_count(), self.graph.len());
        let plan = Planner::new(self, &[]).plan_waiting(waiters.clone());
        match plan.and_then(|plan| self.make_room_for(&plan, &[]).map(|()| plan)) {
            Ok(plan) => {
                self.graph.keep();
                self.carry_out(plan, &[], lanes);
            }
            Err(_) => {
                self.graph.undo(mark);
                self.lanes.truncate(lanes);
                self.prints.get_mut().truncate(graph_runs, len);
                for (author, key) in waiters {
                    self.waiting.remove(&author, key);
                }
            }
        }
    }
}
