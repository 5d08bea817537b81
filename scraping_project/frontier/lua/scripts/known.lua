-- known: asks the dupe filter by itself.
--
-- args: fingerprints, see look_up
return look_up(args.fingerprints)
