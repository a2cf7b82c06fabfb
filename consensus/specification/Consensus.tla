------------------------------ MODULE Consensus ------------------------------
(***************************************************************************)
(* One epoch of the protocol in `consensus/`: the normal case (rules P),   *)
(* the view change (rules C, V) and the new view (rules N).  It says what  *)
(* a correct validator may do; when it does so is left open, and so is     *)
(* what the network does: a message is something that was once said.       *)
(*                                                                         *)
(* A Byzantine validator may say anything at any time to anybody.  It is   *)
(* therefore no part of the state: its votes are counted in every quorum,  *)
(* and its VIEW-CHANGEs are whatever passes the checks of rule V.          *)
(*                                                                         *)
(* `Off` is a set of rules that are switched off: a planted bug each.      *)
(* `Exploration` lets TLC search this for violations, `TraceCheck` asks    *)
(* whether a run of the simulator is a behaviour of it.                    *)
(***************************************************************************)
EXTENDS Integers, FiniteSets, Sequences

CONSTANTS
  Correct,         \* validators that keep to the protocol
  Byzantine,       \* validators that need not
  Window,          \* W: heights above the stable one that are in flight
  ByzantineViews,  \* views led by a Byzantine validator
  Off,             \* rules switched off
  Genesis,         \* the block below the first height
  Height(_),       \* of a block; that of Genesis is 0
  Parent(_),       \* the block that a block is chained to by its digest
  ProposedIn(_)    \* pview: the view in which a block was proposed first

VARIABLES
  view,      \* of each correct validator: the view it moved to
  active,    \* whether it has entered that view
  entered,   \* what the NEW-VIEW of that view settles: [base, forced]
  certs,     \* its P-certificates, at most one per height: [view, block]
  stable,    \* the highest block it holds a seal certificate of
  executed,  \* the highest block it has executed
  votes,     \* PREPAREs said by correct validators: [by, view, block]
  commits,   \* COMMITs: [by, view, block]
  seals,     \* SEALs: [by, block]
  changes,   \* VIEW-CHANGEs: [by, to, stable, certs]
  newViews   \* NEW-VIEWs that a correct validator entered: [view, base, forced]

vars == <<view, active, entered, certs, stable, executed, votes, commits, seals, changes, newViews>>

Rule(label) == label \notin Off

N == Cardinality(Correct) + Cardinality(Byzantine)
F == (N - 1) \div 3
Quorum == (N + F + 2) \div 2
Enough(set, rule) == Cardinality(set \union Byzantine) >= IF Rule(rule) THEN Quorum ELSE Quorum - 1

\* a condition: without this TLC takes each disjunct of one as another way to do the step
Holds(condition) == condition = TRUE

Range(sequence) == {sequence[i] : i \in DOMAIN sequence}
Highest(blocks) == CHOOSE b \in blocks : \A other \in blocks : Height(b) >= Height(other)
Lowest(blocks) == CHOOSE b \in blocks : \A other \in blocks : Height(b) <= Height(other)

----------------------------------------------------------------------------
(* What the votes said so far amount to, with the Byzantine ones added.    *)

\* P4: a P-certificate of this view and block can be put together
Certifiable(v, b) == Enough({x.by : x \in {y \in votes : y.view = v /\ y.block = b}}, "P4")

\* P6: P-certificate and q COMMITs of one view
DecidedIn(v, b) ==
  /\ Enough({x.by : x \in {y \in commits : y.view = v /\ y.block = b}}, "P6")
  /\ Certifiable(v, b)

Decided(b) == b = Genesis \/ \E v \in {x.view : x \in {y \in commits : y.block = b}} : DecidedIn(v, b)

\* P8: a seal certificate can be put together
Certified(b) == b = Genesis \/ Enough({x.by : x \in {y \in seals : y.block = b}}, "P8")

----------------------------------------------------------------------------
(* The view change.                                                        *)

\* the highest height that the NEW-VIEW of a validator's view settles, and the block there
Floor(r) == Height(entered[r].base) + Len(entered[r].forced)
Tip(r) == IF entered[r].forced = <<>> THEN entered[r].base ELSE entered[r].forced[Len(entered[r].forced)]

InWindow(base, b) == Height(b) > Height(base) /\ Height(b) <= Height(base) + Window

\* V1-V7: what a Byzantine validator can say so that others believe it
Believable(change) ==
  /\ change.by \in Byzantine
  /\ Certified(change.stable)
  /\ \A c \in change.certs :
       /\ InWindow(change.stable, c.block)
       /\ c.view < change.to
       /\ IF Rule("V5") THEN Certifiable(c.view, c.block)  \* the view is part of what was signed
          ELSE \E v \in 0..change.to : Certifiable(v, c.block)
       /\ \A other \in change.certs : Height(other.block) = Height(c.block) => other = c

\* N3 and N4: what a quorum of VIEW-CHANGEs forces
Base(quorum) ==
  LET blocks == {c.stable : c \in quorum} IN IF Rule("N3") THEN Highest(blocks) ELSE Lowest(blocks)

RECURSIVE ForcedAbove(_, _, _)
ForcedAbove(shown, tip, left) ==
  LET found == {c \in shown : Height(c.block) = Height(tip) + 1}
      best == {CHOOSE c \in found : \A other \in found :
                 IF Rule("N4 highest view") THEN c.view >= other.view ELSE c.view <= other.view}
  IN IF left = 0 \/ found = {} THEN <<>>
     ELSE CHOOSE result \in  \* of exactly one: TLC evaluates what it binds once, and what it passes each time
       {IF Rule("N4 parent link") /\ Parent(c.block) /= tip THEN <<>>
        ELSE <<c.block>> \o ForcedAbove(shown, c.block, left - 1) : c \in best} : TRUE

Forced(quorum) == CHOOSE result \in
  {ForcedAbove(shown, tip, Window) : shown \in {UNION {c.certs : c \in quorum}}, tip \in {Base(quorum)}} : TRUE

\* N2: exactly a quorum of VIEW-CHANGEs to one view by distinct senders
IsQuorum(quorum, v) ==
  /\ Cardinality(quorum) = IF Rule("N2") THEN Quorum ELSE Quorum - 1
  /\ Cardinality({c.by : c \in quorum}) = Cardinality(quorum)
  /\ \A c \in quorum : c.to = v /\ (c \in changes \/ Believable(c))

----------------------------------------------------------------------------
(* What a correct validator does.                                          *)

\* P2: the leader's fresh proposal, on top of what this validator voted for in this view
Fresh(r, b) ==
  LET v == view[r] IN
  /\ ProposedIn(b) = v
  /\ Height(b) > Floor(r)
  /\ \/ Parent(b) = Tip(r)
     \/ [by |-> r, view |-> v, block |-> Parent(b)] \in votes
     \/ Certifiable(v, Parent(b))
     \/ Decided(Parent(b))
  /\ v \in ByzantineViews \/ \A x \in votes :  \* P1: a correct leader proposes one block per height
       x.view = v /\ ProposedIn(x.block) = v /\ Height(x.block) = Height(b) => x.block = b

\* P3: one PREPARE per view and height; for what is forced nobody asks whether it is fresh
Prepare(r, b) ==
  LET v == view[r] IN
  /\ active[r]
  /\ InWindow(stable[r], b)
  /\ ~ \E x \in votes : x.by = r /\ x.view = v /\ Height(x.block) = Height(b)
  /\ Holds(b \in Range(entered[r].forced) \/ Fresh(r, b) \/ (Height(b) > Floor(r) /\ Certifiable(v, b)))
  /\ votes' = votes \union {[by |-> r, view |-> v, block |-> b]}
  /\ UNCHANGED <<view, active, entered, certs, stable, executed, commits, seals, changes, newViews>>

\* P4: a P-certificate replaces one of an earlier view; also one of a view already left may still come
Certify(r, v, b) ==
  /\ v <= view[r]
  /\ Height(b) > Height(stable[r])
  /\ Certifiable(v, b)
  /\ Holds(\A c \in certs[r] : Height(c.block) = Height(b) => c.view < v)
  /\ certs' = [certs EXCEPT ![r] =
       {c \in @ : Height(c.block) /= Height(b)} \union {[view |-> v, block |-> b]}]
  /\ UNCHANGED <<view, active, entered, stable, executed, votes, commits, seals, changes, newViews>>

\* P5: COMMIT in height order only
InOrder(r, v, b) == \A height \in Height(stable[r]) + 1 .. Height(b) - 1 :
  \E x \in commits : Height(x.block) = height /\ ((x.by = r /\ x.view = v) \/ Decided(x.block))

Commit(r, v, b) ==
  /\ IF Rule("C3") THEN active[r] /\ v = view[r] ELSE v <= view[r]
  /\ [view |-> v, block |-> b] \in certs[r]
  /\ Holds(Rule("P5") => InOrder(r, v, b))
  /\ commits' = commits \union {[by |-> r, view |-> v, block |-> b]}
  /\ UNCHANGED <<view, active, entered, certs, stable, executed, votes, seals, changes, newViews>>

\* P7: execute decisions in height order, seal the result
Execute(r, b) ==
  /\ Holds(Decided(b))
  /\ Parent(b) = executed[r]
  /\ executed' = [executed EXCEPT ![r] = b]
  /\ seals' = seals \union {[by |-> r, block |-> b]}
  /\ UNCHANGED <<view, active, entered, certs, stable, votes, commits, changes, newViews>>

\* P8: a seal certificate makes a height stable, and only that forgets P-certificates
Stabilise(r, b) ==
  /\ Holds(Certified(b))
  /\ Height(b) > Height(stable[r])
  /\ stable' = [stable EXCEPT ![r] = b]
  /\ certs' = [certs EXCEPT ![r] = {c \in @ : Height(c.block) > Height(b)}]
  /\ UNCHANGED <<view, active, entered, executed, votes, commits, seals, changes, newViews>>

\* the bug of forgetting P-certificates when a block is decided (gc_before_stable in the abstract model)
ForgetEarly(r, b) ==
  /\ ~Rule("P8 keep")
  /\ Holds(Decided(b))
  /\ certs' = [certs EXCEPT ![r] = {c \in @ : Height(c.block) > Height(b)}]
  /\ UNCHANGED <<view, active, entered, stable, executed, votes, commits, seals, changes, newViews>>

Nothing == [base |-> Genesis, forced |-> <<>>]
ChangeOf(r, v) ==
  [by |-> r, to |-> v, stable |-> stable[r], certs |-> {c \in certs[r] : InWindow(stable[r], c.block) /\ c.view < v}]

\* C3: leave for a later view, and say what was prepared
Move(r, v) ==
  /\ v > view[r]
  /\ view' = [view EXCEPT ![r] = v]
  /\ active' = [active EXCEPT ![r] = FALSE]
  /\ entered' = [entered EXCEPT ![r] = Nothing]
  /\ changes' = changes \union {ChangeOf(r, v)}
  /\ UNCHANGED <<certs, stable, executed, votes, commits, seals, newViews>>

\* N1-N7: enter a view by a NEW-VIEW that was recomputed; a correct leader makes only one
Enter(r, v, quorum, forced) ==
  LET message == [view |-> v, base |-> Base(quorum), forced |-> forced] IN
  /\ v > 0
  /\ Holds(v > view[r] \/ (v = view[r] /\ ~active[r]))
  /\ Holds(IsQuorum(quorum, v))
  /\ Holds(IF Rule("N4") THEN forced = Forced(quorum)  \* else the leader's word is believed
           ELSE \E length \in 0..Len(Forced(quorum)) : forced = SubSeq(Forced(quorum), 1, length))
  /\ Holds(v \in ByzantineViews \/ \A other \in newViews : other.view = v => other = message)
  /\ view' = [view EXCEPT ![r] = v]
  /\ active' = [active EXCEPT ![r] = TRUE]
  /\ entered' = [entered EXCEPT ![r] = [base |-> message.base, forced |-> forced]]
  /\ newViews' = newViews \union {message}
  /\ UNCHANGED <<certs, stable, executed, votes, commits, seals, changes>>

Init ==
  /\ view = [r \in Correct |-> 0]
  /\ active = [r \in Correct |-> TRUE]
  /\ entered = [r \in Correct |-> Nothing]
  /\ certs = [r \in Correct |-> {}]
  /\ stable = [r \in Correct |-> Genesis]
  /\ executed = [r \in Correct |-> Genesis]
  /\ votes = {} /\ commits = {} /\ seals = {} /\ changes = {} /\ newViews = {}

----------------------------------------------------------------------------
(* What has to hold in every state.                                        *)

DecidedBlocks == {b \in {x.block : x \in commits} : Decided(b)}

\* I1: one block per height
Agreement == \A a, b \in DecidedBlocks : Height(a) = Height(b) => a = b

\* I2: decided blocks are one chain
ParentLinks == \A a, b \in DecidedBlocks : Height(b) = Height(a) + 1 => Parent(b) = a

\* no view has two P-certificates for one height
OneCertificate ==
  \A x, y \in votes : x.view = y.view /\ Height(x.block) = Height(y.block)
    /\ Certifiable(x.view, x.block) /\ Certifiable(y.view, y.block) => x.block = y.block

\* the claim of the safety argument: what was decided in an earlier view is forced by every NEW-VIEW, or below its base
DecidedIsForced ==
  \A message \in newViews : \A x \in commits :
    x.view < message.view /\ DecidedIn(x.view, x.block) =>
      LET above == Height(x.block) - Height(message.base) IN
      above <= 0 \/ (above <= Len(message.forced) /\ message.forced[above] = x.block)

\* what a NEW-VIEW forces is a chain on top of its base
ForcedIsChain ==
  \A message \in newViews : \A i \in DOMAIN message.forced :
    Parent(message.forced[i]) = IF i = 1 THEN message.base ELSE message.forced[i - 1]

=============================================================================
