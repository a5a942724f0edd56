//! The invariants of a document.

use super::Doc;

impl Doc {
    /// Panics if an invariant is broken, which is a defect of the engine. For tests. O(everything).
    #[doc(hidden)]
    pub fn dbg_check(&self) {
        self.graph.dbg_check();
        assert_eq!(self.log.events(), self.graph.len());
        self.rows.dbg_check(&self.log, &self.graph, &self.lanes);
        self.waiting.dbg_check(|need| self.has(need));
    }
}
