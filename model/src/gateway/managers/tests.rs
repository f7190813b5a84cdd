//! What happens to a user's managers, as events show it.

use super::*;
use crate::{
    core::{environment::Environment, message::ServerMessage},
    event::{Event, Table, TaskName},
    gateway::managers::manager::{Audience, NotActive},
    port::wait::timeout,
    testing::{self, Peer, TestEnv, TestSocket, connect},
};

struct ManagersScene {
    env: TestEnv,
    container: Rc<Container<TestEnv>>,
}

type Joined = (Rc<Connection<TestEnv>>, Rc<TestSocket>);

impl ManagersScene {
    fn new(design: &str) -> Self {
        let env = TestEnv::idle();
        let container = testing::container(&env, design, Environment::Testing);
        ManagersScene { env, container }
    }

    /// A connection of the one user, with its manager.
    fn join(&self, peer: u32) -> Joined {
        let (connection, socket) = connect(&self.container, peer, "a.b.c");
        connection.bind_user(&user());
        self.env.block_on(async {
            create(&self.container, &connection, &user()).await.unwrap();
            let manager = self.container.managers.of(connection.socket_id()).unwrap();
            manager
                .add(&connection, format!("ws_{peer}").as_str().into())
                .await;
        });
        (connection, socket)
    }

    fn leave(&self, connection: &Connection<TestEnv>) -> bool {
        let left = release(&self.container, connection);
        let within = timeout(&self.env, Duration::from_secs(60), left);
        self.env.block_on(within).is_some()
    }

    /// A message that names thread `n`.
    fn message(&self, connection: &Connection<TestEnv>, n: usize) -> Result<(), TooManyManagers> {
        let thread = Arc::from(format!("thread{n}"));
        let user = user();
        let made = create_for_message(&self.container, connection, &user, Some(&thread));
        self.env.block_on(made)
    }

    fn send(&self, connection: &Connection<TestEnv>) -> Option<Result<(), NotActive>> {
        let manager = self.container.managers.of(connection.socket_id()).unwrap();
        let sending = manager.send(Audience::All, &ServerMessage::Ping, |_| {});
        let within = timeout(&self.env, Duration::from_secs(60), sending);
        self.env.block_on(within)
    }

    fn pass(&self, secs: u64) {
        self.env.block_on(self.env.sleep(Duration::from_secs(secs)));
    }

    fn count(&self) -> usize {
        self.container.managers.count_of(&user())
    }

    /// Entries that were made and not removed, by peer.
    fn left(&self, table: Table) -> Vec<u32> {
        let mut left = Vec::new();
        for event in self.env.events() {
            match event {
                Event::EntryAdded { socket, table: t } if t == table => left.push(socket.peer),
                Event::EntryRemoved { socket, table: t } if t == table => {
                    let place = left.iter().position(|peer| *peer == socket.peer);
                    left.remove(place.expect("what is removed was there"));
                }
                _ => {}
            }
        }
        left
    }
}

fn user() -> UserId {
    "alice".into()
}

#[test]
fn a_manager_is_removed_with_its_connection() {
    let scene = ManagersScene::new("reference");
    let joined = [0, 1].map(|peer| scene.join(peer).0);
    assert_eq!(scene.left(Table::ManagerFactory), [0, 1]);
    for connection in &joined {
        assert!(scene.leave(connection));
    }
    assert!(scene.left(Table::ManagerFactory).is_empty());
    assert!(scene.left(Table::Manager).is_empty());
    assert_eq!(scene.count(), 0);
}

#[test]
fn a_shared_manager_is_removed_with_its_last_connection() {
    let scene = ManagersScene::new("reference+manager-scope=thread");
    let joined = [0, 1].map(|peer| scene.join(peer).0);
    assert_eq!(scene.count(), 1);
    assert!(scene.leave(&joined[0]));
    assert_eq!(scene.left(Table::ManagerFactory), [1]);
    assert!(scene.leave(&joined[1]));
    assert!(scene.left(Table::ManagerFactory).is_empty());
}

#[test]
fn a_manager_that_is_not_released_stays() {
    // D73, D85.
    for (answer, factory, manager) in [
        ("under-another-key", vec![0], vec![]),
        ("asked-of-the-factory", vec![0, 0], vec![0]),
    ] {
        let scene = ManagersScene::new(&format!("reference+manager-release={answer}"));
        let (connection, _) = scene.join(0);
        assert!(scene.leave(&connection));
        assert_eq!(scene.left(Table::ManagerFactory), factory, "{answer}");
        assert_eq!(scene.left(Table::Manager), manager, "{answer}");
    }
}

#[test]
fn managers_of_threads_that_messages_name_fill_the_table() {
    let scene = ManagersScene::new("reference+manager-scope=thread");
    let (connection, _) = scene.join(0);
    for n in 1..MANAGERS_PER_USER {
        assert_eq!(scene.message(&connection, n), Ok(()));
    }
    let one_more = scene.message(&connection, MANAGERS_PER_USER);
    assert_eq!(one_more, Err(TooManyManagers));
    assert_eq!(scene.message(&connection, 1), Ok(()));
    assert!(scene.leave(&connection));
    assert_eq!(scene.count(), 0);
}

#[test]
fn two_tasks_make_the_same_manager_when_room_is_made_first() {
    // D74.
    let scene = ManagersScene::new("reference+manager-scope=thread");
    let (connection, _) = scene.join(0);
    for n in 1..12 {
        assert_eq!(scene.message(&connection, n), Ok(()));
    }
    let other = scene.join(1).0;
    let container = scene.container.clone();
    scene.env.spawn(TaskName::AgentRun, None, async move {
        let thread = Arc::from("thread12");
        let user = user();
        let made = create_for_message(&container, &other, &user, Some(&thread));
        made.await.unwrap();
    });
    assert_eq!(scene.message(&connection, 12), Ok(()));
    scene.pass(1);
    assert_eq!(scene.container.managers.keys_of(&user()).len(), 13);
    assert_eq!(scene.count(), 14);
}

#[test]
fn live_connections_are_reaped_with_their_managers() {
    // D72.
    let scene = ManagersScene::new("reference+manager-reaping=idle-by-sends");
    let early: Vec<Joined> = (0..12).map(|peer| scene.join(peer)).collect();
    scene.pass(11);
    assert_eq!(scene.send(&early[3].0), Some(Ok(())));
    scene.join(12);
    assert_eq!(scene.left(Table::Manager), [3, 12]);
    assert_eq!(scene.send(&early[3].0), Some(Ok(())));
    assert_eq!(scene.send(&early[4].0), Some(Err(NotActive)));
}

#[test]
fn a_failed_send_under_the_lock_deadlocks() {
    // D66.
    for (answer, sent, left) in [
        ("nothing", Some(Ok(())), true),
        ("held-over-removal", None, true),
    ] {
        let scene = ManagersScene::new(&format!("reference+manager-lock={answer}"));
        let (connection, socket) = scene.join(0);
        assert_eq!(scene.send(&connection), Some(Ok(())));
        socket.peer.set(Peer::Gone);
        assert_eq!(scene.send(&connection), sent, "{answer}");
        // The send was cancelled, which freed the lock; in a run it is not cancelled.
        assert_eq!(scene.leave(&connection), left, "{answer}");
    }
}
