//! What the end of a connection says, as the judges see it: which close codes are legal, and which
//! codes and HTTP statuses name a cause.

use gatesim_model::event::CloseCause;

/// Normal closure: to the client, nothing was left undone (RFC 6455, 7.4.1).
pub(crate) const NORMAL: u16 = 1000;

/// Whether a server may put `code` into a close frame (RFC 6455, 7.4).
///
/// 1004 is reserved; 1005, 1006 and 1015 are names for ends without a close frame; 1010 says which
/// extension a *client* misses; 1016 to 2999 belong to future standards, 3000 to 4999 to libraries
/// and applications.
pub(crate) fn is_legal(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1009 | 1011..=1014 | 3000..=4999)
}

/// The codes that name `cause` (`docs/protocol.md#i-14`; meanings: RFC 6455, 7.4.1, and the
/// registry of close codes for 1012 and 1013). Empty if no peer is left to read the code, so that
/// any will do.
///
/// A silent peer is most likely gone; if it is not, it reads the close late. 1001 says that the
/// server has left, 1002 that the peer broke the rule of answering, 1011 is what common libraries
/// send: all three are true.
pub(crate) fn codes_that_name(cause: CloseCause) -> &'static [u16] {
    match cause {
        CloseCause::PeerGone => &[],
        CloseCause::Finished => &[NORMAL],
        CloseCause::NotAuthenticated => &[1008],
        CloseCause::ClientMisbehaved => &[1008, 1009, 1007, 1003, 1002],
        CloseCause::Overload | CloseCause::NotReady | CloseCause::AuthUnavailable => &[1013],
        CloseCause::ServerFault => &[1011],
        CloseCause::GoingAway => &[1012, 1001],
        CloseCause::PeerSilent => &[1001, 1002, 1011],
    }
}

/// The HTTP statuses that name `cause`, where an upgrade is refused with one (RFC 9110, 15.5 and
/// 15.6; RFC 6585, 4 for 429). Empty if any will do.
pub(crate) fn statuses_that_name(cause: CloseCause) -> &'static [u16] {
    match cause {
        CloseCause::PeerGone | CloseCause::Finished | CloseCause::PeerSilent => &[],
        CloseCause::NotAuthenticated => &[401, 403],
        CloseCause::ClientMisbehaved => &[400, 403],
        CloseCause::Overload => &[429, 503],
        CloseCause::NotReady | CloseCause::AuthUnavailable | CloseCause::GoingAway => &[503],
        CloseCause::ServerFault => &[500],
    }
}

/// The codes or statuses of a list as a clause.
pub(crate) fn in_words(numbers: &[u16]) -> String {
    let numbers: Vec<String> = numbers.iter().map(u16::to_string).collect();
    numbers.join(" or ")
}
