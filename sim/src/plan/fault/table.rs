//! The table of faults. What a kind of fault does to the world is its arm in
//! [`crate::world::faults`]; everything else that is to be known of it is its row here.
//!
//! ```text
//! /// What it does, in one sentence.
//! Kind = "name" (victim: how it is chosen) {
//!     /// What the field means.
//!     field: Type,
//! } => {
//!     victim: what it happens to,
//!     grace: the fields that say how long a stop may take,
//!     lasts: the fields that add up to the time it lasts; none for what is over at once,
//!     each: the fields that add up to the time that it takes over each container, if it goes from one
//!         to the next,
//!     acts_on: what must be there for it to have an effect,
//!     needs: the fields that must be above their least value for it to have one,
//!     text: ("with {field}"),
//! }
//! ```
//!
//! A plan has the fields as they stand here, a scenario has a range or a table of weights in the
//! place of each. The draws of a field have its name as key, or the one behind `as`.

/// Calls a macro with the whole table.
macro_rules! fault_table {
    ($generate:ident) => { $generate! {
        // --- containers -----------------------------------------------------------------------
        /// A container dies with all its memory and is started again.
        Crash = "crash" (container: any_container) {
            /// How long until it is started again.
            down_ms: Millis,
        } => {
            victim: Victim::Container(container),
            grace: [],
            lasts: [down_ms],
            each: [],
            acts_on: ActsOn::Process(container),
            needs: [],
            text: ("container{container} crashes, down for {down_ms}"),
        }
        /// A container is asked to stop, killed after the grace period, and started again.
        Terminate = "terminate" (container: any_container) {
            /// From SIGTERM to SIGKILL.
            grace_ms: Millis,
            /// From the kill to the new start.
            down_ms: Millis,
        } => {
            victim: Victim::Container(container),
            grace: [grace_ms],
            lasts: [grace_ms, down_ms],
            each: [],
            acts_on: ActsOn::Process(container),
            needs: [],
            text: ("container{container} is asked to stop within {grace_ms}, down for {down_ms}"),
        }
        /// A container is asked to stop and not started again: the deployment becomes smaller.
        ScaleIn = "scale-in" (container: any_but_the_first_container) {
            /// From SIGTERM to SIGKILL.
            grace_ms: Millis,
        } => {
            victim: Victim::Container(container),
            grace: [grace_ms],
            lasts: [],
            each: [],
            acts_on: ActsOn::Process(container),
            needs: [],
            text: ("container{container} is asked to stop within {grace_ms}, for good"),
        }
        /// Every container in turn is asked to stop and replaced by a new one.
        RollingDeploy = "rolling-deploy" {
            /// From SIGTERM to SIGKILL.
            grace_ms: Millis,
            /// From the new start of one to the stop of the next.
            pause_ms: Millis,
        } => {
            victim: Victim::Fleet,
            grace: [grace_ms],
            lasts: [],
            each: [grace_ms, pause_ms],
            acts_on: ActsOn::AnyProcess,
            needs: [],
            text: ("containers are replaced one by one, each within {grace_ms}, {pause_ms} apart"),
        }
        /// A container gets no processor: none of its tasks goes on, while frames still arrive.
        Stall = "stall" (container: any_container) {
            /// For how long.
            for_ms: Millis,
        } => {
            victim: Victim::Container(container),
            grace: [],
            lasts: [for_ms],
            each: [],
            acts_on: ActsOn::Process(container),
            needs: [for_ms],
            text: ("container{container} gets no processor for {for_ms}"),
        }
        /// The wall clock of a container is set wrong; its timers are not affected.
        ClockJump = "clock-jump" (container: any_container) {
            /// Which way.
            towards: Towards,
            /// How far.
            by_ms: Millis,
            /// For how long.
            for_ms: Millis,
        } => {
            victim: Victim::Container(container),
            grace: [],
            lasts: [for_ms],
            each: [],
            acts_on: ActsOn::Process(container),
            needs: [by_ms, for_ms],
            text: ("clock of container{container} {by_ms} {} for {for_ms}", towards.in_words()),
        }

        // --- services -------------------------------------------------------------------------
        /// A backing service does not answer.
        ServiceDown = "service-down" {
            /// Which service.
            service: Service,
            /// For how long.
            for_ms: Millis,
        } => {
            victim: Victim::Service(service),
            grace: [],
            lasts: [for_ms],
            each: [],
            acts_on: ActsOn::Calls(service),
            needs: [for_ms],
            text: ("{} down for {for_ms}", Actor::Service(service)),
        }
        /// A backing service goes down and comes up again and again.
        ServiceFlapping = "service-flapping" {
            /// Which service.
            service: Service,
            /// How long it is down each time.
            down_ms: Millis<1>,
            /// How long it is up in between.
            up_ms: Millis<1>,
            /// For how long.
            for_ms: Millis,
        } => {
            victim: Victim::Service(service),
            grace: [],
            lasts: [for_ms],
            each: [],
            acts_on: ActsOn::Calls(service),
            needs: [for_ms],
            text: (
                "{} down for {down_ms} and up for {up_ms} in turn, for {for_ms}",
                Actor::Service(service)
            ),
        }
        /// A backing service takes a multiple of its time.
        ServiceSlow = "service-slow" {
            /// Which service.
            service: Service,
            /// How many times as long.
            factor: Count<1, MAX_FACTOR>,
            /// For how long.
            for_ms: Millis,
        } => {
            victim: Victim::Service(service),
            grace: [],
            lasts: [for_ms],
            each: [],
            acts_on: ActsOn::Calls(service),
            needs: [factor, for_ms],
            text: ("{} takes {factor} times as long for {for_ms}", Actor::Service(service)),
        }
        /// A backing service answers with server errors.
        ServiceErrors = "service-errors" {
            /// Which service.
            service: Service,
            /// How many calls in a thousand.
            per_mille: PerMille,
            /// For how long.
            for_ms: Millis,
        } => {
            victim: Victim::Service(service),
            grace: [],
            lasts: [for_ms],
            each: [],
            acts_on: ActsOn::Calls(service),
            needs: [per_mille, for_ms],
            text: ("{} fails {per_mille} calls in a thousand for {for_ms}", Actor::Service(service)),
        }
        /// Authentication calls good tokens invalid.
        AuthDenies = "auth-denies" {
            /// How many in a thousand.
            per_mille: PerMille,
            /// For how long.
            for_ms: Millis,
        } => {
            victim: Victim::Service(Service::Auth),
            grace: [],
            lasts: [for_ms],
            each: [],
            acts_on: ActsOn::Calls(Service::Auth),
            needs: [per_mille, for_ms],
            text: ("auth calls {per_mille} good tokens in a thousand invalid for {for_ms}"),
        }
        /// The supervisor answers with a step that is not the next one.
        SupervisorJumbles = "supervisor-jumbles" {
            /// How many answers in a thousand.
            per_mille: PerMille,
            /// For how long.
            for_ms: Millis,
        } => {
            victim: Victim::Service(Service::Supervisor),
            grace: [],
            lasts: [for_ms],
            each: [],
            acts_on: ActsOn::Calls(Service::Supervisor),
            needs: [per_mille, for_ms],
            text: ("supervisor gives {per_mille} wrong answers in a thousand for {for_ms}"),
        }

        // --- hosts and links ------------------------------------------------------------------
        /// The host of a container is gone, and with it every answer: connections are not ended,
        /// they fall silent. The container is started again elsewhere.
        PowerLoss = "power-loss" (container: any_container) {
            /// How long until it is started again.
            down_ms: Millis,
        } => {
            victim: Victim::Container(container),
            grace: [],
            lasts: [down_ms],
            each: [],
            acts_on: ActsOn::Process(container),
            needs: [],
            text: ("container{container} loses its host, down for {down_ms}"),
        }
        /// The link of a client carries nothing, in one direction or both.
        Partition = "partition" (client: any_client) {
            /// Which way nothing goes.
            direction: Direction,
            /// For how long.
            for_ms: Millis,
        } => {
            victim: Victim::Client(client),
            grace: [],
            lasts: [for_ms],
            each: [],
            acts_on: ActsOn::Connections(Actor::Client(client)),
            needs: [for_ms],
            text: ("the link of client{client} carries nothing{} for {for_ms}", direction.in_words()),
        }
        /// The connection of a client is reset in the middle.
        Reset = "reset" (client: any_client) {} => {
            victim: Victim::Client(client),
            grace: [],
            lasts: [],
            each: [],
            acts_on: ActsOn::Connections(Actor::Client(client)),
            needs: [],
            text: ("the connection of client{client} is reset"),
        }
        /// The links between balancer and a container carry nothing, in one direction or both.
        BackendPartition = "backend-partition" (container: any_container) {
            /// Which way nothing goes.
            direction: Direction,
            /// For how long.
            for_ms: Millis,
        } => {
            victim: Victim::Container(container),
            grace: [],
            lasts: [for_ms],
            each: [],
            acts_on: ActsOn::Connections(Actor::Container(container)),
            needs: [for_ms],
            text: (
                "the link of container{container} carries nothing{} for {for_ms}",
                direction.in_words()
            ),
        }
        /// The connections between balancer and a container are reset in the middle.
        BackendReset = "backend-reset" (container: any_container) {} => {
            victim: Victim::Container(container),
            grace: [],
            lasts: [],
            each: [],
            acts_on: ActsOn::Connections(Actor::Container(container)),
            needs: [],
            text: ("the connections of container{container} are reset"),
        }
    } };
}

pub(in crate::plan) use fault_table;
