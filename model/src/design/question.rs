//! What a question is, and how enums, fields, keys, texts and help are generated from the list.

/// An open question: its key in a design file, what it asks, and the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The key, for example `missing-machine`.
    pub key: &'static str,
    /// What it asks, one paragraph.
    pub doc: &'static str,
    /// Every answer, in the order of declaration.
    pub answers: &'static [Answer],
}

/// One answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The value in a design file, for example `not-ready`.
    pub name: &'static str,
    /// What it means, one paragraph.
    pub doc: &'static str,
}

/// Questions and their answers: an enum each. The comments are the texts of lists and help.
macro_rules! answers {
    ($(
        $(#[doc = $doc:literal])+
        $question:ident { $( $(#[doc = $answer_doc:literal])+ $answer:ident = $text:literal, )+ }
    )+) => { $(
        $(#[doc = $doc])+
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum $question {
            $( $(#[doc = $answer_doc])+ #[serde(rename = $text)] $answer, )+
        }

        impl $question {
            /// What it asks.
            pub(in crate::design) const DOC: &str = concat!($( $doc, )+);

            /// The answers, in the order of declaration.
            pub(in crate::design) const ANSWERS: &[Answer] =
                &[$( Answer { name: $text, doc: concat!($( $answer_doc, )+) }, )+];

            /// Their names, in the same order.
            pub(in crate::design) const NAMES: &[&str] = &[$( $text, )+];

            /// The value in a design file.
            pub fn name(self) -> &'static str {
                match self { $( Self::$answer => $text, )+ }
            }

            /// The answer of this name.
            pub(in crate::design) fn from_name(name: &str) -> Option<Self> {
                match name { $( $text => Some(Self::$answer), )+ _ => None }
            }
        }
    )+ };
}

/// The design: one field per question of the list, in the order of the list.
macro_rules! design {
    ($( $field:ident: $question:ident = $key:literal, )+) => {
        /// One answer to each open question of the protocol. Built in or read from a TOML file;
        /// see [`Design::parse`]. Serialises as all its answers, so that a capsule stays what it
        /// was when a built-in design changes.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Design {
            /// Its name: `v4`, `reference`, or `reference+cleanup=never` for a flipped one.
            pub name: Arc<str>,
            /// One sentence for lists.
            #[serde(default)]
            pub summary: Arc<str>,
            $(
                #[doc = concat!("The answer to [`", stringify!($question), "`].")]
                #[serde(rename = $key)]
                pub $field: $question,
            )+
        }

        /// Answers to some of the questions: what a design file says before its base fills in
        /// the rest.
        #[derive(Clone, Debug, Default)]
        pub(in crate::design) struct Partial {
            $( $field: Option<$question>, )+
        }

        impl Partial {
            /// Answers one question.
            pub(in crate::design) fn answer(
                &mut self,
                key: &str,
                answer: &str,
            ) -> Result<(), AnswerError> {
                match key {
                    $( $key => match $question::from_name(answer) {
                        Some(answer) => { self.$field = Some(answer); Ok(()) }
                        None => Err(AnswerError::Answer {
                            question: $key,
                            answer: answer.to_owned(),
                            allowed: $question::NAMES,
                        }),
                    }, )+
                    _ => Err(AnswerError::Question { key: key.to_owned() }),
                }
            }

            /// Takes from `base` what was not answered.
            pub(in crate::design) fn or(self, base: &Design) -> Partial {
                Partial { $( $field: self.$field.or(Some(base.$field)), )+ }
            }

            /// The design, or the key of the first question without an answer.
            pub(in crate::design) fn complete(
                self,
                name: Arc<str>,
                summary: Arc<str>,
            ) -> Result<Design, &'static str> {
                Ok(Design { name, summary, $( $field: self.$field.ok_or($key)?, )+ })
            }
        }

        impl Design {
            /// Every question, in the order in which a connection meets them.
            pub fn questions() -> &'static [Question] {
                const QUESTIONS: &[Question] = &[$( Question {
                    key: $key,
                    doc: $question::DOC,
                    answers: $question::ANSWERS,
                }, )+];
                QUESTIONS
            }

            /// Key and answer of every question, in the same order.
            pub fn answers(&self) -> Vec<(&'static str, &'static str)> {
                vec![$( ($key, self.$field.name()), )+]
            }
        }
    };
}

pub(super) use {answers, design};
