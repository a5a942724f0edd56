//! Tests texts against an oracle, and by real histories.

mod delta;
mod growth;
mod hostile;
mod interleaving;
mod oracle;
mod parts;
mod random;
mod rewrite;
mod traces;
mod world;
