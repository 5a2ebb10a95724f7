import Supervisor

Greymoatd.main()
