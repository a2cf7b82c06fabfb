------------------------------ MODULE TraceCheck ------------------------------
(***************************************************************************)
(* Are recorded runs behaviours of `Consensus`?  The module `Recorded` is  *)
(* generated (consensus/simulation/recording.py makes the steps): blocks   *)
(* are numbers, 0 is Genesis.                                              *)
(*                                                                         *)
(* A step names its rule, its validator and all that the rule leaves open, *)
(* so that it has one successor or none.  A run is accepted when its last  *)
(* step is reached; a step that its rule does not allow is printed.        *)
(***************************************************************************)
EXTENDS Consensus, Recorded, TLC

VARIABLES run, position  \* which recorded run, and its next step

HeightOf(b) == IF b <= 0 THEN 0 ELSE RecordedHeights[b]
ParentOf(b) == RecordedParents[b]
ViewOf(b) == RecordedViews[b]

Certs(pairs) == {[view |-> p[1], block |-> p[2]] : p \in Range(pairs)}
Change(by, to, stableBlock, pairs) == [by |-> by, to |-> to, stable |-> stableBlock, certs |-> Certs(pairs)]

Allowed(step) ==
  LET rule == step[1]  r == step[2] IN
  \/ rule = "P3" /\ view[r] = step[3] /\ Prepare(r, step[4])
  \/ rule = "P4" /\ Certify(r, step[3], step[4])
  \/ rule = "P5" /\ Commit(r, step[3], step[4])
  \/ rule = "P7" /\ Execute(r, step[3])
  \/ rule = "P8" /\ Stabilise(r, step[3])
  \/ rule = "C3" /\ ChangeOf(r, step[3]) = Change(r, step[3], step[4], step[5]) /\ Move(r, step[3])
  \/ rule = "N4" /\
       \E quorum \in {{Change(c[1], step[3], c[2], c[3]) : c \in Range(step[4])}} :
       Base(quorum) = step[5] /\ Enter(r, step[3], quorum, step[6])

Begin == Init /\ run \in DOMAIN RecordedSteps /\ position = 1

Follow ==
  /\ position <= Len(RecordedSteps[run])
  /\ \E step \in {RecordedSteps[run][position]} : Allowed(step)
  /\ position' = position + 1 /\ UNCHANGED run
  /\ position = Len(RecordedSteps[run]) => PrintT(<<"accepted", RecordedSeeds[run], position>>)

\* the second way round, for runs that were not accepted: where they leave the specification
FollowOrTell ==
  \/ Follow
  \/ /\ position <= Len(RecordedSteps[run])
     /\ ~ENABLED Follow
     /\ PrintT(<<"refused", RecordedSeeds[run], position>>)
     /\ position' = Len(RecordedSteps[run]) + 1 /\ UNCHANGED <<vars, run>>

=============================================================================
