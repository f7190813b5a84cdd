//! The scheduler: one task at a time, chosen by key.
//!
//! madsim picks among ready tasks uniformly from a shared stream and has no hook. So every process
//! has one madsim task, its *driver*, on a node of its own; the futures of the process are kept
//! here. A woken task is queued here, one task is chosen, and only that one is polled, by the
//! driver of its process. When its poll ends the next task is chosen at once, and the driver of its
//! process is woken if that is another one. So madsim never has more than one driver with something
//! to do, and its own choice decides nothing. (A driver for each task would do as well, but touches
//! more memory at each step than anything else does.)
//!
//! Timers live here as well (exact to the nanosecond, cancelled when dropped). When nothing is
//! ready the clock advances to the next deadline, and madsim's clock with it.
//!
//! A *step* is one poll of one task or one delivery of one frame.

use std::{
    cell::{Cell, RefCell},
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    fmt,
    future::Future,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use gatesim_model::core::time::Time;

use crate::{
    scheduler::choices::{Choices, Purpose},
    trace::event::{Actor, FinishReason},
};

pub mod causes;
pub mod choices;
mod constraint;
mod order;
mod pause;
mod process;
mod task;
#[cfg(test)]
mod tests;
mod timer;
mod waker;
mod watch;

pub use constraint::{ConstraintEnd, OrderingConstraint, PATIENCE, Side};
pub use order::{Deliver, Strategy, Turns};
pub use pause::Pause;
pub use process::ProcessId;
pub use task::TaskHandle;
pub use timer::Sleep;
pub use watch::Watched;

use order::{Due, QueuedTurn, Turn};
use pause::Paused;
use process::{Driver, Place, Processes};
use task::{ScheduledTask, TaskEnd};
use timer::Timer;
use waker::{TaskId, TaskWaker, WOKEN};
use watch::Watch;

thread_local! {
    /// The scheduler of the run on this thread. madsim wants tasks that are `Send`, so a driver
    /// finds the scheduler here.
    static CURRENT: RefCell<Option<Rc<Scheduler>>> = const { RefCell::new(None) };
}

#[derive(Default)]
struct State {
    /// Indexed by [`TaskId`]; never reused, so a late waker cannot wake another task.
    tasks: Vec<Option<Box<ScheduledTask>>>,
    ready: BinaryHeap<Reverse<QueuedTurn>>,
    arrivals: u64,
    /// Reused: what was taken out of `WOKEN`, and deliveries that have come due.
    woken: Vec<TaskId>,
    due: Vec<Due>,
    timers: BTreeMap<(Time, u64), Timer>,
    timers_made: u64,
    processes: Processes,
    paused: Paused,
    /// Only in runs that are to be explained.
    watch: Option<Box<Watch>>,
    /// The task whose turn it is, until it is polled.
    chosen: Option<TaskId>,
    main: Option<Waker>,
    finish: Option<FinishReason>,
}

/// The scheduler of one run.
pub struct Scheduler {
    choices: Rc<Choices>,
    strategy: Strategy,
    step_limit: u64,
    time_limit: Time,
    now: Cell<Time>,
    steps: Cell<u64>,
    /// From here on nothing is delivered: what is delivered would keep the scheduler alive.
    dismantled: Cell<bool>,
    state: RefCell<State>,
}

impl Scheduler {
    /// A scheduler for one run. Must be created inside the madsim runtime that hosts the run.
    pub fn new(
        choices: Rc<Choices>,
        strategy: Strategy,
        step_limit: u64,
        time_limit: Time,
    ) -> Rc<Self> {
        WOKEN.with_borrow_mut(Vec::clear);
        let scheduler = Rc::new(Scheduler {
            choices,
            strategy,
            step_limit,
            time_limit,
            now: Cell::default(),
            steps: Cell::default(),
            dismantled: Cell::default(),
            state: RefCell::default(),
        });
        CURRENT.set(Some(Rc::clone(&scheduler)));
        scheduler
    }

    /// Notes from here on what makes each step happen, and keeps to the constraints. To be called
    /// before anything is started.
    pub fn watch(&self, constraints: &[OrderingConstraint]) {
        self.state.borrow_mut().watch = Some(Box::new(Watch::new(constraints)));
    }

    /// What was noted since [`Scheduler::watch`].
    pub fn watched(&self) -> Watched {
        let watch = self.state.borrow_mut().watch.take();
        watch.map(|watch| watch.finish()).unwrap_or_default()
    }

    /// Virtual time.
    pub fn now(&self) -> Time {
        self.now.get()
    }

    /// Steps so far.
    pub fn steps(&self) -> u64 {
        self.steps.get()
    }

    /// The run's choices.
    pub fn choices(&self) -> &Rc<Choices> {
        &self.choices
    }

    /// Starts a task of `process`. `entity` and `name` are the key of its turns.
    pub fn spawn(
        self: &Rc<Self>,
        process: ProcessId,
        entity: Actor,
        name: &'static str,
        future: impl Future<Output = ()> + 'static,
    ) -> TaskHandle {
        let turns = self.turns(entity, Purpose::Turn(name));
        let end = Rc::new(TaskEnd::default());
        let mut state = self.state.borrow_mut();
        let id = TaskId(u32::try_from(state.tasks.len()).expect("fewer than 2^32 tasks"));
        let queued = Arc::new(TaskWaker {
            id,
            queued: AtomicBool::new(false),
        });
        let waker = Waker::from(Arc::clone(&queued));
        waker.wake_by_ref();
        let place = state.processes.place(process, poll_driver);
        state.tasks.push(Some(Box::new(ScheduledTask {
            future: Some(Box::pin(future)),
            waker,
            queued,
            turns,
            process,
            place,
            cancelled: false,
            end: Rc::clone(&end),
        })));
        drop(state);
        TaskHandle {
            scheduler: Rc::clone(self),
            id,
            end,
        }
    }

    /// The turns of a new source, with tie-breaks of their own.
    pub fn turns(&self, entity: Actor, purpose: Purpose) -> Turns {
        let stream = self.choices.stream(entity, purpose);
        let source = match &mut self.state.borrow_mut().watch {
            Some(watch) => watch.register(entity, purpose, stream.instance()),
            None => 0,
        };
        Turns::new(stream, source)
    }

    /// Completes `duration` from now.
    pub fn sleep(self: &Rc<Self>, duration: Duration) -> Sleep {
        self.sleep_until(self.now() + duration)
    }

    /// Completes at `deadline`.
    pub fn sleep_until(self: &Rc<Self>, deadline: Time) -> Sleep {
        Sleep {
            scheduler: Rc::clone(self),
            deadline,
            timer: None,
        }
    }

    /// Delivers something at `time`, without a task.
    pub fn deliver_at(&self, time: Time, delivery: Rc<dyn Deliver>) {
        if !self.dismantled.get() {
            let mut state = self.state.borrow_mut();
            state.add_timer(time, Timer::Deliver(delivery));
        }
    }

    /// Ends every task of `process` at once; their futures are dropped in the order in which the
    /// tasks were started. The node can be used again.
    pub fn kill(&self, process: ProcessId) {
        let ids = 0..self.state.borrow().tasks.len();
        for id in ids {
            let task = match &mut self.state.borrow_mut().tasks[id] {
                slot @ Some(_) if slot.as_ref().is_some_and(|task| task.process == process) => {
                    slot.take()
                }
                Some(_) | None => None,
            };
            if let Some(task) = task {
                self.end(*task);
            }
        }
        self.state.borrow_mut().processes.kill(process);
    }

    /// Ends the run after this step.
    pub fn finish(&self, reason: FinishReason) {
        self.state.borrow_mut().finish.get_or_insert(reason);
    }

    /// Runs until [`Scheduler::finish`], a limit, or until nothing can happen any more.
    pub async fn run(self: &Rc<Self>) -> FinishReason {
        self.wake_driver(self.choose());
        std::future::poll_fn(|cx| {
            let mut state = self.state.borrow_mut();
            match state.finish {
                Some(reason) if state.chosen.is_none() => Poll::Ready(reason),
                Some(_) | None => {
                    state.main = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Drops everything that waits, since it holds the scheduler and the parts of the run, and ends
    /// every driver: madsim never frees a task that is still pending when its runtime ends.
    pub async fn dismantle(&self) {
        self.dismantled.set(true);
        let tasks = std::mem::take(&mut self.state.borrow_mut().tasks);
        for task in tasks.into_iter().flatten() {
            self.end(*task);
        }
        // Taken out first: what is dropped may cancel its timers.
        let state = self.state.take();
        drop((state.timers, state.ready, state.due, state.watch));
        let processes = state.processes;
        CURRENT.set(None);
        processes.shut_down().await;
    }

    /// One poll of a driver by madsim: every turn up to the next one of another process.
    fn poll_driver(&self, driver: Driver, cx: &Context<'_>) -> Poll<()> {
        if !self.state.borrow_mut().processes.is_polled(driver, cx) {
            return Poll::Ready(());
        }
        loop {
            let mut state = self.state.borrow_mut();
            let chosen = state.chosen.filter(|id| {
                let task = state.tasks[id.0 as usize].as_ref();
                task.is_some_and(|task| task.place == driver.place)
            });
            let Some(id) = chosen else {
                return Poll::Pending;
            };
            state.chosen = None;
            drop(state);
            self.poll_task(id);
            let next = self.choose();
            // A process that has been killed in its own turn has another driver, if any.
            if next != Some(driver.place) || !self.state.borrow().processes.is_alive(driver) {
                self.wake_driver(next);
                return Poll::Pending;
            }
        }
    }

    /// One poll of a task.
    fn poll_task(&self, id: TaskId) {
        let mut state = self.state.borrow_mut();
        let Some(task) = &mut state.tasks[id.0 as usize] else {
            return;
        };
        task.queued.queued.store(false, Ordering::Relaxed);
        let source = task.turns.source;
        let waker = task.waker.clone();
        let mut future = match task.cancelled {
            true => None,
            false => task.future.take(),
        };
        if let Some(watch) = &mut state.watch {
            watch.begin_poll(id, source, self.now.get());
        }
        drop(state);

        self.steps.set(self.steps.get() + 1);
        let pending = match &mut future {
            Some(future) => future
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending(),
            None => false,
        };

        let mut state = self.state.borrow_mut();
        let slot = &mut state.tasks[id.0 as usize];
        match (pending, slot.as_mut()) {
            (true, Some(task)) => task.future = future,
            // Done, cancelled, or killed by itself during the poll.
            (false, _) | (true, None) => {
                let task = slot.take();
                drop(state);
                drop(future);
                if let Some(task) = task {
                    self.end(*task);
                }
            }
        }
    }

    /// Drops a task's future and wakes the tasks that wait for its end.
    fn end(&self, task: ScheduledTask) {
        drop(task.future);
        if let Some(watch) = &mut self.state.borrow_mut().watch {
            watch.constraints.forget(task.turns.source);
        }
        task.end.done.set(true);
        task.end.waiting.take().into_iter().for_each(Waker::wake);
    }

    /// Wakes the driver of the process whose turn it is.
    fn wake_driver(&self, next: Option<Place>) {
        let driver = next.and_then(|place| self.state.borrow().processes.driver(place));
        // A driver that madsim has not polled yet is on its queue anyway.
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Chooses the next turn of a task, advancing the clock if need be, and gives its process; none
    /// when the run is over. Deliveries happen here.
    fn choose(&self) -> Option<Place> {
        loop {
            let mut state = self.state.borrow_mut();
            if self.steps.get() >= self.step_limit {
                state.finish.get_or_insert(FinishReason::StepLimit);
            }
            if state.finish.is_some() {
                state.stop();
                return None;
            }
            let Some(turn) = state.next_turn(self.strategy) else {
                self.advance(&mut state);
                continue;
            };
            match state.unless_delayed(turn, self.now.get()) {
                Some(Turn::Poll(id)) => {
                    if let Some(task) = &state.tasks[id.0 as usize] {
                        let place = task.place;
                        state.chosen = Some(id);
                        return Some(place);
                    }
                }
                Some(Turn::Deliver(Due { delivery, by })) => {
                    if let Some(watch) = &mut state.watch {
                        let source = delivery.turns().borrow().source;
                        watch.begin_delivery(source, by, self.now.get());
                    }
                    drop(state);
                    self.steps.set(self.steps.get() + 1);
                    delivery.deliver();
                }
                None => {}
            }
        }
    }

    /// Nothing is ready: time goes on to the next timer, or to the end of the patience of a delayed
    /// turn, or the run is over.
    fn advance(&self, state: &mut State) {
        let next = state.timers.first_key_value().map(|(key, _)| key.0);
        let in_time = next.filter(|deadline| *deadline <= self.time_limit);
        let patience = (state.watch.as_ref()).and_then(|watch| watch.constraints.patient_until());
        match (in_time, patience) {
            (Some(deadline), None) => {
                self.advance_to(deadline);
                state.fire(deadline);
            }
            (Some(deadline), Some(patience)) if deadline <= patience => {
                self.advance_to(deadline);
                state.fire(deadline);
            }
            (Some(_), Some(patience)) => {
                self.advance_to(patience);
                state.give_up(Some(patience));
            }
            (None, Some(_)) => state.give_up(None),
            (None, None) => {
                state.finish = Some(match next {
                    Some(_) => FinishReason::TimeLimit,
                    None => FinishReason::Stuck,
                });
            }
        }
    }

    fn advance_to(&self, time: Time) {
        madsim::time::advance(time.since(self.now.get()));
        self.now.set(time.max(self.now.get()));
    }
}

/// What every driver does when madsim polls it.
fn poll_driver(driver: Driver, cx: &mut Context<'_>) -> Poll<()> {
    match CURRENT.with_borrow(Option::clone) {
        Some(scheduler) => scheduler.poll_driver(driver, cx),
        None => Poll::Ready(()),
    }
}

impl State {
    fn stop(&mut self) {
        self.chosen = None;
        if let Some(main) = self.main.take() {
            main.wake();
        }
    }

    fn add_timer(&mut self, deadline: Time, timer: Timer) -> (Time, u64) {
        let key = (deadline, self.timers_made);
        self.timers_made += 1;
        if let Some(watch) = &mut self.watch {
            watch.arm();
        }
        self.timers.insert(key, timer);
        key
    }

    /// Fires every timer with this deadline.
    fn fire(&mut self, deadline: Time) {
        while let Some(entry) = self.timers.first_entry() {
            if entry.key().0 > deadline {
                break;
            }
            let (_, timer) = *entry.key();
            match (entry.remove(), &mut self.watch) {
                (Timer::Wake(waker), None) => waker.wake(),
                (Timer::Wake(waker), Some(watch)) => watch.fire(timer, waker),
                (Timer::Deliver(delivery), watch) => {
                    let by = watch.as_ref().map_or(0, |watch| watch.armed_by(timer));
                    self.due.push(Due { delivery, by });
                }
            }
        }
    }

    /// The turn that has come up, unless its process is paused or an ordering constraint delays it;
    /// it is kept if so.
    fn unless_delayed(&mut self, turn: Turn, now: Time) -> Option<Turn> {
        let source = match &turn {
            Turn::Poll(id) => {
                let task = self.tasks[id.0 as usize].as_ref()?;
                if self.paused.delays(task.process, *id) {
                    if let Some(watch) = &mut self.watch {
                        watch.paused(*id);
                    }
                    return None;
                }
                task.turns.source
            }
            Turn::Deliver(due) => due.delivery.turns().borrow().source,
        };
        match &mut self.watch {
            None => Some(turn),
            Some(watch) => watch.admit(turn, source, now),
        }
    }

    fn give_up(&mut self, now: Option<Time>) {
        if let Some(watch) = &mut self.watch {
            watch.constraints.give_up(now);
        }
    }

    fn next_turn(&mut self, strategy: Strategy) -> Option<Turn> {
        WOKEN.with_borrow_mut(|woken| self.woken.append(woken));
        if let Some(watch) = &mut self.watch {
            watch.woken(&self.woken);
            watch.constraints.settle();
            if let Some(turn) = watch.constraints.next_released() {
                return Some(turn);
            }
        }
        // Nothing to choose from: no draw.
        if self.ready.is_empty() && self.woken.len() + self.due.len() == 1 {
            return match self.woken.pop() {
                Some(id) => {
                    if let Some(task) = &mut self.tasks[id.0 as usize] {
                        task.turns.taken += 1;
                    }
                    Some(Turn::Poll(id))
                }
                None => {
                    let due = self.due.pop()?;
                    due.delivery.turns().borrow_mut().taken += 1;
                    Some(Turn::Deliver(due))
                }
            };
        }
        let woken = std::mem::take(&mut self.woken);
        for &id in &woken {
            if let Some(task) = &mut self.tasks[id.0 as usize] {
                let priority = task.turns.priority(strategy, self.arrivals);
                self.queue(priority, Turn::Poll(id));
            }
        }
        self.woken = woken;
        self.woken.clear();
        for due in std::mem::take(&mut self.due) {
            let mut turns = due.delivery.turns().borrow_mut();
            let priority = turns.priority(strategy, self.arrivals);
            drop(turns);
            self.queue(priority, Turn::Deliver(due));
        }
        self.ready.pop().map(|Reverse(queued)| queued.turn)
    }

    fn queue(&mut self, priority: u64, turn: Turn) {
        self.ready.push(Reverse(QueuedTurn {
            priority,
            arrival: self.arrivals,
            turn,
        }));
        self.arrivals += 1;
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler")
            .field("now", &self.now())
            .field("steps", &self.steps())
            .finish()
    }
}
