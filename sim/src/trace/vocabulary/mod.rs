//! What is to be known of each event.

mod subject;

pub use subject::Subject;
