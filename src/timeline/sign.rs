//! The sign of an event, which can be seen before anything is read.

use gatesim_sim::trace::vocabulary::Sign;

/// One character for what kind of event it is.
pub fn glyph(sign: Sign) -> char {
    match sign {
        Sign::State => '●',
        Sign::Sent => '→',
        Sign::Arrived => '←',
        Sign::Asked => '↗',
        Sign::Answered => '↙',
        Sign::Refused => '✗',
        Sign::Fault => '▲',
        Sign::Other => '·',
    }
}
