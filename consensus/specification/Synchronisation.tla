--------------------------- MODULE Synchronisation ---------------------------
(***************************************************************************)
(* Do views come together again?  The rules that move a validator from     *)
(* view to view (C1, C2, C4) after the network has healed, from any        *)
(* scattering of views, with one Byzantine validator that complains,       *)
(* changes views and leads as it likes, to whom it likes.                  *)
(*                                                                         *)
(* Time is left out but for one thing: what correct validators say to one  *)
(* another arrives before any of them is out of patience (`Quiet`).        *)
(* What a Byzantine validator says is there or not at each step; nothing   *)
(* that has to happen may need it.                                         *)
(***************************************************************************)
EXTENDS Integers, FiniteSets

CONSTANTS
  N,          \* validators 0 .. N - 1; view v is led by v % N
  Byzantine,  \* those that need not keep to the protocol
  Scattered,  \* views in the beginning: 0 .. Scattered
  Last,       \* no view may come as far as this
  Off         \* rules switched off

VARIABLES
  view, active,  \* of each correct validator, as in `Consensus`
  change,        \* the view of its last VIEW-CHANGE, which is sent again and again; 0: none
  complaining    \* whether it complains about its view

vars == <<view, active, change, complaining>>

Validators == 0..N-1
Correct == Validators \ Byzantine
F == (N - 1) \div 3
Quorum == (N + F + 2) \div 2
Weak == F + 1
Rule(label) == label \notin Off
Holds(condition) == condition = TRUE
Led(v) == v % N \in Correct

\* how many of a set of correct validators, with the Byzantine ones when they help
Count(set, help) == Cardinality(set) + IF help THEN Cardinality(Byzantine) ELSE 0

----------------------------------------------------------------------------
(* C1: f + 1 complaints about this view or a later one; a VIEW-CHANGE to a later view is one too. *)
Against(r) == {s \in Correct : (complaining[s] /\ view[s] >= view[r]) \/ change[s] > view[r]}
MayLeave(r, help) ==
  Count(Against(r), help) >= IF Rule("C1") THEN Weak ELSE 1

(* C2: join the (f + 1)-th of those that are further on.  Without help that is one of f + 1 correct ones; a Byzantine *)
(* validator can stand in for one of them.                                                                           *)
MayJoin(r, v, help) ==
  /\ v > view[r]
  /\ IF Rule("C2") THEN Count({s \in Correct : change[s] >= v}, help) >= Weak /\ \E s \in Correct : change[s] = v
     ELSE help \/ \E s \in Correct : change[s] = v

(* C4: with a quorum of VIEW-CHANGEs to this view or later ones, wait for the NEW-VIEW no longer than T(k). *)
MayExpire(r, help) ==
  /\ ~active[r]
  /\ Count({s \in Correct : IF Rule("C4") THEN change[s] >= view[r] ELSE change[s] = view[r]}, help) >= Quorum

(* N1, N2: a correct leader needs a quorum to exactly its view; its NEW-VIEW is passed on by all who have entered. *)
MayLead(r, help) ==
  /\ view[r] % N = r /\ ~active[r]
  /\ Count({s \in Correct : change[s] = view[r]}, help) >= Quorum
Entered(v) == \E s \in Correct : active[s] /\ view[s] = v
MayEnter(r, v) == v > view[r] \/ (v = view[r] /\ ~active[r])

Together == \A r, s \in Correct : active[r] /\ view[r] = view[s]
Progress == Together /\ \A r \in Correct : Led(view[r])

\* nothing is left to be done at once
Quiet == \A r \in Correct :
  /\ ~MayLeave(r, FALSE) /\ ~MayLead(r, FALSE)
  /\ \A v \in 0..Last : ~MayJoin(r, v, FALSE) /\ ~(Entered(v) /\ MayEnter(r, v))

----------------------------------------------------------------------------
GoTo(r, v) ==  \* C3
  /\ v <= Last
  /\ view' = [view EXCEPT ![r] = v] /\ change' = [change EXCEPT ![r] = v]
  /\ active' = [active EXCEPT ![r] = FALSE] /\ complaining' = [complaining EXCEPT ![r] = FALSE]

Start(r, v) ==
  /\ view' = [view EXCEPT ![r] = v] /\ active' = [active EXCEPT ![r] = TRUE]
  /\ complaining' = [complaining EXCEPT ![r] = FALSE] /\ UNCHANGED change

Leave(r, help) == Holds(MayLeave(r, help)) /\ GoTo(r, view[r] + 1)
Join(r, help) == \E v \in 1..Last : Holds(MayJoin(r, v, help)) /\ GoTo(r, v)
Expire(r, help) == Holds(MayExpire(r, help) /\ Quiet) /\ GoTo(r, view[r] + 1)
Lead(r, help) == Holds(MayLead(r, help)) /\ Start(r, view[r])
Enter(r) == \E v \in 0..Last : Holds(Entered(v) /\ MayEnter(r, v)) /\ Start(r, v)

\* a Byzantine leader's NEW-VIEW, for whom it likes
Misled(r) == \E v \in 1..Last :
  ~Led(v) /\ Holds(MayEnter(r, v) /\ Count({s \in Correct : change[s] >= v}, TRUE) >= Quorum) /\ Start(r, v)

\* out of patience: a leader that does not lead, or too few validators in its view
Complain(r) ==
  /\ Holds(active[r] /\ ~complaining[r] /\ ~Progress /\ Quiet)
  /\ complaining' = [complaining EXCEPT ![r] = TRUE] /\ UNCHANGED <<view, active, change>>

\* a sealed block: nobody has anything to complain about
Seal ==
  /\ Holds(Progress /\ \E r \in Correct : complaining[r])
  /\ complaining' = [r \in Correct |-> FALSE] /\ UNCHANGED <<view, active, change>>

\* what needs nobody's help happens in the end
Must(r) == Leave(r, FALSE) \/ Join(r, FALSE) \/ Expire(r, FALSE) \/ Lead(r, FALSE) \/ Enter(r) \/ Complain(r)
May(r) == Leave(r, TRUE) \/ Join(r, TRUE) \/ Expire(r, TRUE) \/ Lead(r, TRUE) \/ Misled(r)

Init ==
  /\ view \in [Correct -> 0..Scattered]
  /\ active \in [Correct -> BOOLEAN]
  /\ change \in [Correct -> 0..Scattered]
  /\ \A r \in Correct : IF active[r] THEN change[r] <= view[r] ELSE change[r] = view[r] /\ view[r] > 0
  /\ complaining = [r \in Correct |-> FALSE]

Next == Seal \/ \E r \in Correct : Must(r) \/ May(r)
Spec == Init /\ [][Next]_vars /\ WF_vars(Seal) /\ \A r \in Correct : WF_vars(Must(r))

----------------------------------------------------------------------------
\* a Byzantine validator does not drive views: they end within two rounds of leaders of where they began
Bounded == \A r \in Correct : view[r] < Last

\* in the end all correct validators are in one view with a correct leader, and stay there
ComeTogether == <>[]Progress

=============================================================================
