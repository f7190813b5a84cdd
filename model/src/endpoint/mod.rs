//! The endpoint: what one connection goes through, from its upgrade to its end.

use std::rc::Rc;

use crate::{
    connection::Connection,
    container::Container,
    env::Env,
    event::{CloseCause, EndpointEnd, Event},
};

/// Serves one connection; see [`Container::serve`].
pub(crate) async fn serve<E: Env>(
    container: Rc<Container<E>>,
    socket: Rc<E::Socket>,
) -> EndpointEnd {
    let connection = Connection::new(
        container.env.clone(),
        container.design.clone(),
        container.environment,
        socket,
    );
    let socket = connection.socket_id();
    connection.emit(Event::EndpointStarted { socket });
    container.enter(&connection);
    container.leave(&connection);
    let how = EndpointEnd::Returned;
    connection.emit(Event::EndpointEnded {
        socket,
        how,
        cause: CloseCause::Finished,
    });
    how
}
