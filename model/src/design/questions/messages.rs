//! What happens to a frame, of the message in it, and of the events of its run.
//!
//! The facts are in docs/protocol.md#early-messages, docs/protocol.md#routing and
//! docs/protocol.md#event-delivery.

use serde::{Deserialize, Serialize};

use crate::design::question::{Answer, answers};

answers! {
    /// Where are frames that arrive before the connection is ready?
    EarlyFrames {
        /// In the server's receive buffer, unread, as is the peer's disconnect: only the loop
        /// receives (D59, D64).
        ReceiveBuffer = "receive-buffer",
        /// A reader task hands them to the router at once.
        Dispatched = "dispatched",
        /// A reader task hands them to the router as soon as the user is known.
        DispatchedOnceKnown = "dispatched-once-known",
        /// A reader task keeps them in a bounded queue until the loop runs.
        Queued = "queued",
    }
    /// How is the queue of early frames emptied once the connection is ready?
    QueueFlush {
        /// In the order of arrival.
        InOrder = "in-order",
        /// By a callback of the machine that is not awaited: what is in the queue expires
        /// (D28, D49).
        NeverAwaited = "never-awaited",
        /// By priority. A critical frame that fails is lost; any other is put back in front of its
        /// priority, which is left for the next lower one. After a failure the queue buffers again, and
        /// no task goes on from there (D57).
        ByPriority = "by-priority",
    }
    /// What if the queue of early frames is full?
    QueueOverflow {
        /// The newcomer is refused with an error, and the connection is closed.
        Refused = "refused",
        /// The newcomer is dropped without a report, also a critical one; only an unknown frame takes
        /// the place of the oldest ping, because priorities are compared by name (D56).
        EvictsByName = "evicts-by-name",
    }
    /// What is held while the queue of early frames is worked on?
    QueueLock {
        /// Nothing: no step of it suspends.
        Nothing = "nothing",
        /// A lock, which closing takes and then takes again to empty the queue (D55).
        TakenAgainToEmpty = "taken-again-to-empty",
    }
    /// What does the loop ask before each receive?
    LoopCheck {
        /// Whether the client was connected at the last event from it (D08).
        TransportOnly = "transport-only",
        /// Also the application's own side, in the cloud, with a sleep in between.
        ApplicationState = "application-state",
        /// Whether the machine is ready.
        Machine = "machine",
        /// Whether the machine is ready that is registered under the user's id: there is none.
        MachineOfTheUser = "machine-of-the-user",
    }
    /// Which tasks may use the transport?
    TransportOwner {
        /// Any task, after a look at a flag that may be stale (D08, D79, D83).
        AnyTask = "any-task",
        /// The connection: it is asked before each operation, and a close ends the waiting ones.
        OneOwner = "one-owner",
    }
    /// How are the states of the transport written when a failed send is logged?
    LogValues {
        /// As text.
        Text = "text",
        /// As they are, which the log cannot take: the line raises inside the send (D78).
        AsTheyAre = "as-they-are",
    }
    /// What happens to a frame above the size limit?
    OversizePolicy {
        /// It is dropped without an answer (D80).
        SilentDrop = "silent-drop",
        /// It is answered by an error.
        ErrorAnswer = "error-answer",
    }
    /// Which connection's handler gets a message?
    RouterHandlers {
        /// That of the connection it came from.
        Own = "own",
        /// The first one that was registered for any connection. None is ever removed: they are
        /// taken out of a list that was made for the occasion (D39).
        FirstOfAll = "first-of-all",
        /// The one that was registered last, whichever connection it was made for.
        NewestOfAll = "newest-of-all",
    }
    /// Which part knows which messages are being executed? A client that gets no answer sends its
    /// message again, on its next connection.
    MessageLedger {
        /// None: what is received is executed.
        None = "none",
        /// The container that executes it: another one executes it again (D15).
        PerContainer = "per-container",
        /// Redis, for all containers.
        SharedStore = "shared-store",
        /// Redis, which is first asked and then told: two that ask at the same time both execute it.
        LookedUpFirst = "looked-up-first",
        /// Redis, for each connection: on the next one it is another message.
        PerConnection = "per-connection",
    }
    /// What happens to a message if Redis cannot be asked whether it is being executed?
    LedgerOutage {
        /// It is executed.
        Executed = "executed",
        /// It is refused, and the client is told.
        Refused = "refused",
        /// It is dropped without an answer.
        Dropped = "dropped",
    }
    /// What happens to a message that the ledger does not know, and whose client sends it for so
    /// long that the ledger may have forgotten it?
    LateRepetition {
        /// It is executed, perhaps for the second time.
        Executed = "executed",
        /// It is refused: its outcome is not known, and the client is told so.
        Refused = "refused",
    }
    /// What happens to a message whose run is silent?
    SilentRun {
        /// Its end is waited for.
        Awaited = "awaited",
        /// It is executed again.
        ExecutedAgain = "executed-again",
        /// The run is declared over, and the client is told that it failed.
        Failed = "failed",
    }
    /// Where does an agent run execute?
    AgentRunPlace {
        /// In the message loop, which receives nothing meanwhile (D63, D64).
        Inline = "inline",
        /// In a task of the container: it outlives the connection that asked for it.
        OwnTask = "own-task",
    }
    /// To which connections does an event of a run go?
    EventTarget {
        /// To all that the user opened for the thread that the message names (D71).
        ThreadManager = "thread-manager",
        /// To the one that asked, and to its successor once it has ended.
        AskingConnection = "asking-connection",
        /// To whichever connected last to the container: one handler serves all, and its socket
        /// is overwritten (D40).
        NewestConnection = "newest-connection",
        /// To all that the user has in this container.
        AllOfTheUser = "all-of-the-user",
    }
    /// How does an event of a run get from the bridge to the managers?
    Emitter {
        /// It is handed on.
        Direct = "direct",
        /// It is dropped if the managers know of no connection (D69).
        DropsWhenInactive = "drops-when-inactive",
        /// By a call with an argument that is not taken, three times (D68).
        UnknownArgument = "unknown-argument",
        /// Not at all: the bridge was never given a manager (D77).
        NoManager = "no-manager",
    }
    /// How does an event of a run travel to the socket?
    EventDelivery {
        /// The run hands over one after the other.
        Inline = "inline",
        /// A task of its own each: they may overtake each other.
        Detached = "detached",
    }
    /// What happens to an event that could not be handed over?
    UndeliveredEvents {
        /// It is lost, and the producer is told that it was delivered (D67).
        Lost = "lost",
        /// It goes into a buffer, and is lost when its retry is to be scheduled, which raises
        /// (D58).
        RetryRaises = "retry-raises",
        /// It is kept for the user's next connection, and in a queue of retries as well: it may be
        /// sent twice (D58).
        KeptTwice = "kept-twice",
        /// The producer gets an error.
        Failed = "failed",
        /// It is kept in this container for the user's next connection, and sent before newer ones
        /// (D15).
        StoredAndReplayed = "stored-and-replayed",
        /// Every event is written to the journal of its message in Redis before it is sent; a
        /// client that sends the message again, to any container, is given what it does not have.
        Journaled = "journaled",
    }
    /// What happens to a frame that is not a message?
    MalformedFrame {
        /// It is answered by an error.
        ErrorAnswer = "error-answer",
        /// It raises in the reader, whose task ends without a report: nothing is received any more.
        EndsTheReader = "ends-the-reader",
    }
    /// How are agent runs numbered?
    RunNumbers {
        /// Uniquely among all processes.
        Unique = "unique",
        /// From zero in each process: two runs of one number claim the same message.
        PerProcess = "per-process",
    }
    /// Is the order of the events checked that a run makes of the supervisor's steps?
    RunOrder {
        /// Yes: a run out of order fails.
        Checked = "checked",
        /// No: the supervisor is believed.
        Believed = "believed",
    }
    /// From where on is a client given an answer that it asks for again?
    ResumePoint {
        /// From behind the last event that it says it has.
        BehindTheLast = "behind-the-last",
        /// From the first event.
        Start = "start",
        /// From one event further on: the last one is counted twice.
        OneTooFar = "one-too-far",
    }
    /// Which of the connections that listen to a run's journal are told of news?
    JournalNews {
        /// All.
        EveryListener = "every-listener",
        /// The one that has waited longest, even if its peer is gone.
        OneListener = "one-listener",
    }
    /// How often does a container read the journal of a run that goes on elsewhere?
    JournalReading {
        /// Four times a second.
        Often = "often",
        /// Once a minute.
        EveryMinute = "every-minute",
    }
}
