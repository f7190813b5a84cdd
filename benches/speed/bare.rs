//! The yardsticks: tasks that only yield, under the scheduler and under madsim alone, and an echo over
//! madsim's own network.

use std::{future::poll_fn, net::SocketAddr, sync::Arc, task::Poll, thread};

use gatesim_model::core::time::Time;
use gatesim_sim::{
    scheduler::{ProcessId, Scheduler, Strategy, choices::Choices},
    trace::event::Actor,
};
use madsim::{
    Config,
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Barrier,
};

/// Bytes of one echoed frame: what an agent event of the gateway takes as JSON, about.
const FRAME_BYTES: usize = 200;

/// Wakes itself and yields, this many times.
async fn yielding(mut times: u64) {
    poll_fn(|cx| match times.checked_sub(1) {
        None => Poll::Ready(()),
        Some(left) => {
            times = left;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

/// Polls that it takes to finish a task that yields this often.
fn polls_of(yields: u64) -> u64 {
    yields + 1
}

/// `tasks` tasks under the scheduler, one process for all of them. Returns the steps.
pub fn gate_steps(tasks: u64, yields: u64) -> u64 {
    Runtime::with_seed_and_config(1, Config::default()).block_on(async {
        let scheduler = Scheduler::new(
            Choices::new(1, false, None),
            Strategy::Uniform,
            u64::MAX,
            Time(u64::MAX),
        );
        for _ in 0..tasks {
            scheduler.spawn(
                ProcessId(Actor::World),
                Actor::World,
                "yielding",
                yielding(yields),
            );
        }
        scheduler.run().await;
        scheduler.dismantle().await;
        assert_eq!(scheduler.steps(), tasks * polls_of(yields));
        scheduler.steps()
    })
}

/// The same tasks, scheduled by madsim alone, on one node. Returns the polls.
pub fn madsim_polls(tasks: u64, yields: u64) -> u64 {
    let runtime = Runtime::with_seed_and_config(1, Config::default());
    let node = runtime.create_node().build();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..tasks).map(|_| node.spawn(yielding(yields))).collect();
        for task in tasks {
            task.await.expect("a task that yields does not fail");
        }
    });
    tasks * polls_of(yields)
}

/// One client and one server that exchange this many frames over one connection of madsim's own
/// network, question and answer in turn, in a runtime and a thread of their own, as a run has.
pub fn echo(seed: u64, frames: u64) {
    let exchange = thread::spawn(move || {
        let server_address = SocketAddr::from(([10, 0, 0, 1], 80));
        let client_address = SocketAddr::from(([10, 0, 0, 2], 0));
        let runtime = Runtime::with_seed_and_config(seed, Config::default());
        let server = runtime.create_node().ip(server_address.ip()).build();
        let client = runtime.create_node().ip(client_address.ip()).build();
        let exchanges = frames.div_ceil(2);
        let listening = Arc::new(Barrier::new(2));

        let bound = Arc::clone(&listening);
        let answers = server.spawn(async move {
            let listener = TcpListener::bind(server_address).await?;
            bound.wait().await;
            let (mut stream, _) = listener.accept().await?;
            let mut frame = [0; FRAME_BYTES];
            for _ in 0..exchanges {
                stream.read_exact(&mut frame).await?;
                stream.write_all(&frame).await?;
                stream.flush().await?;
            }
            std::io::Result::Ok(stream)
        });
        let questions = client.spawn(async move {
            listening.wait().await;
            let mut stream = TcpStream::connect(server_address).await?;
            let mut frame = [0; FRAME_BYTES];
            for _ in 0..exchanges {
                stream.write_all(&frame).await?;
                stream.flush().await?;
                stream.read_exact(&mut frame).await?;
            }
            std::io::Result::Ok(())
        });
        runtime.block_on(async {
            questions
                .await
                .expect("the client ends")
                .expect("the client is answered");
            answers
                .await
                .expect("the server ends")
                .expect("the server answers");
        });
    });
    exchange.join().expect("an echo does not panic");
}
