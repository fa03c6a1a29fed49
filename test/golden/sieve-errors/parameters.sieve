query "INSERT INTO t VALUES (?, ?)" ["one"];
query "SELECT 1 FROM t WHERE a = '${env.remote_ip}'";
